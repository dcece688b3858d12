"""What deploy/kibana/ holds, checked as Kibana's and OpenSearch Dashboards' own code checks what is imported.

There is no Kibana here to import it. So the file keeps to the form of 7.10, the last that both lines take in:
`migrationVersion` names the newest migrations of 7.10, an import runs those that came later, and refuses
objects from the future. Their schemas refuse attributes they do not know (8.8 and later), or their index does
(strict mapping)."""
import json
import re
import unittest

from observability import log_calls
from support import ROOT

INDEX = "kibanaSavedObjectMeta.searchSourceJSON.index"
# Migrations of 7.10 in Kibana and OpenSearch Dashboards, and the attributes which both have from then to 8.x:
# those that must be there, those that may.
FORMS = {
    "index-pattern": ("7.6.0", {"title", "timeFieldName"}, {"name"}),
    "search": ("7.9.3", {"title", "columns", "sort", "kibanaSavedObjectMeta"}, {"description", "hits", "version"}),
    "visualization": ("7.10.0", {"title", "visState", "uiStateJSON", "kibanaSavedObjectMeta"},
                      {"description", "version"}),
    "dashboard": ("7.9.3", {"title", "panelsJSON", "optionsJSON", "kibanaSavedObjectMeta"},
                  {"description", "hits", "version", "timeRestore", "timeFrom", "timeTo", "refreshInterval"}),
}
# Of the kinds of pictures used here: where an aggregation may stand, how often, and what the painter reads.
SCHEMAS = {"histogram": {"metric": (1, 99), "segment": (0, 1), "group": (0, 3)},
           "table": {"metric": (1, 99), "bucket": (0, 99)}}
PARAMS = {"histogram": {"type", "grid", "categoryAxes", "valueAxes", "seriesParams", "addTooltip", "addLegend",
                        "legendPosition", "times", "addTimeMarker", "labels", "thresholdLine"},
          "table": {"perPage", "showPartialRows", "showMetricsAtAllLevels", "sort", "showTotal", "totalFunc",
                    "percentageCol"}}
COLUMNS_OF_GRID = 48


def read():
    text = (ROOT / "deploy/kibana/orrery.ndjson").read_text()
    return [json.loads(line) for line in text.splitlines()]


def source_of(one):
    return json.loads(one["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])


class SavedObjects(unittest.TestCase):
    def of(self, kind):
        found = [one for one in read() if one["type"] == kind]
        self.assertTrue(found)
        return found

    def test_each_has_the_form_of_its_kind_and_nothing_that_an_import_would_refuse(self):
        for one in read():
            with self.subTest(one["id"]):
                version, must, may = FORMS[one["type"]]
                self.assertEqual({"id", "type", "migrationVersion", "attributes", "references"}, set(one))
                self.assertEqual({one["type"]: version}, one["migrationVersion"])
                self.assertEqual(set(), must - set(one["attributes"]))
                self.assertEqual(set(), set(one["attributes"]) - must - may)
                for text in ("title", "description", "visState", "panelsJSON", "optionsJSON", "uiStateJSON",
                             "timeFieldName", "timeFrom", "timeTo"):
                    self.assertIsInstance(one["attributes"].get(text, ""), str)
                for name in ("visState", "panelsJSON", "optionsJSON", "uiStateJSON"):
                    if name in one["attributes"]:
                        json.loads(one["attributes"][name])
        names = [(one["type"], one["id"]) for one in read()]
        self.assertEqual(len(names), len(set(names)), "an import refuses an object that comes twice")

    def test_all_that_is_referred_to_is_in_the_file_and_each_reference_is_used_once(self):
        have = {(one["type"], one["id"]) for one in read()}
        for one in read():
            with self.subTest(one["id"]):
                names = [r["name"] for r in one["references"]]
                self.assertEqual(len(names), len(set(names)))
                self.assertEqual(set(), {(r["type"], r["id"]) for r in one["references"]} - have)
                used = [panel["panelRefName"] for panel in json.loads(one["attributes"].get("panelsJSON", "[]"))]
                if "kibanaSavedObjectMeta" in one["attributes"]:
                    used += [name for name in [source_of(one).get("indexRefName")] if name]
                self.assertEqual(sorted(names), sorted(used))
                for r in one["references"]:
                    self.assertEqual({"name", "type", "id"}, set(r))
                    self.assertEqual("index-pattern" if r["name"] == INDEX else r["type"], r["type"])
        self.assertIn(("dashboard", "orrery"), have)

    def test_sources_are_queries_over_the_data_view(self):
        for one in self.of("search") + self.of("visualization"):
            self.assertEqual({"query", "filter", "indexRefName"}, set(source_of(one)), one["id"])
            self.assertEqual(INDEX, source_of(one)["indexRefName"])
            self.assertEqual("kuery", source_of(one)["query"]["language"])
        for one in self.of("search"):
            self.assertEqual([["@timestamp", "desc"]], one["attributes"]["sort"])
            self.assertTrue(all(isinstance(column, str) for column in one["attributes"]["columns"]))
        for one in self.of("dashboard"):
            self.assertEqual({"query", "filter"}, set(source_of(one)))

    def test_pictures_draw_what_they_count(self):
        for one in self.of("visualization"):
            with self.subTest(one["id"]):
                state = json.loads(one["attributes"]["visState"])
                self.assertEqual({"title", "type", "params", "aggs"}, set(state))
                self.assertEqual(one["attributes"]["title"], state["title"])
                self.assertEqual(PARAMS[state["type"]], set(state["params"]))
                ids = [agg["id"] for agg in state["aggs"]]
                self.assertEqual(len(ids), len(set(ids)))
                metrics = {agg["id"] for agg in state["aggs"] if agg["schema"] == "metric"}
                for schema, (least, most) in SCHEMAS[state["type"]].items():
                    count = sum(agg["schema"] == schema for agg in state["aggs"])
                    self.assertTrue(least <= count <= most, schema)
                for agg in state["aggs"]:
                    self.assertEqual({"id", "enabled", "type", "schema", "params"}, set(agg))
                    self.assertIn(agg["schema"], SCHEMAS[state["type"]])
                    self.assertIn(agg["type"], ("count", "terms", "date_histogram"))
                    if agg["type"] == "terms":
                        self.assertIn(agg["params"]["orderBy"], metrics)
                if state["type"] == "histogram":
                    axes = {axis["id"] for axis in state["params"]["valueAxes"]}
                    for series in state["params"]["seriesParams"]:
                        self.assertIn(series["data"]["id"], metrics)
                        self.assertIn(series["valueAxis"], axes)

    def test_panels_lie_side_by_side_on_the_grid(self):
        for one in self.of("dashboard"):
            taken, seen = set(), set()
            panels = json.loads(one["attributes"]["panelsJSON"])
            for panel in panels:
                self.assertEqual({"version", "panelIndex", "gridData", "embeddableConfig", "panelRefName"}, set(panel))
                self.assertEqual("7.10.0", panel["version"])
                grid = panel["gridData"]
                self.assertEqual({"i", "x", "y", "w", "h"}, set(grid))
                self.assertEqual(panel["panelIndex"], grid["i"])
                self.assertIsInstance(grid["i"], str)
                self.assertNotIn(grid["i"], seen)
                seen.add(grid["i"])
                self.assertLessEqual(grid["x"] + grid["w"], COLUMNS_OF_GRID)
                cells = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"])
                         for y in range(grid["y"], grid["y"] + grid["h"])}
                self.assertEqual(set(), taken & cells, f"panel {grid['i']} lies on another")
                taken |= cells
            self.assertEqual({"useMargins", "hidePanelTitles"}, set(json.loads(one["attributes"]["optionsJSON"])))

    def test_they_ask_only_for_fields_and_events_that_lines_have(self):
        written = {"@timestamp", "level", "node", "event"}
        events = set()
        for _, text in log_calls():
            events.update(re.findall(r'^log::\w+\((?:[^"]*\? )?"([a-z_.]+)"', text))
            written.update(re.findall(r'\{"([a-z_]+)",', text))
        asked, wanted = set(), set()
        for one in read():
            attributes = one["attributes"]
            asked.update(attributes.get("columns", []))
            asked.update(name for name in [attributes.get("timeFieldName")] if name)
            if "kibanaSavedObjectMeta" in attributes:
                query = source_of(one)["query"]["query"]
                asked.update(re.findall(r"(\w+):", query))
                wanted.update(re.findall(r"event: ([a-z_.]+)", query))
            for agg in json.loads(attributes.get("visState", "{}")).get("aggs", []):
                if "field" in agg["params"]:
                    asked.add(agg["params"]["field"].removesuffix(".keyword"))
                    # Text is not counted by its terms, the keyword beside it is (dynamic mapping).
                    self.assertEqual(agg["type"] == "terms", agg["params"]["field"].endswith(".keyword"))
        self.assertGreater(len(asked), 8)
        self.assertEqual(set(), asked - written)
        self.assertEqual(1, len(wanted))
        self.assertEqual(set(), wanted - events)


if __name__ == "__main__":
    unittest.main()
