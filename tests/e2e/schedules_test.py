"""Schedules from outside: the API, `orrery cron`, and a node that is killed while it fires."""
import datetime
import json
import subprocess
import tempfile
import unittest

from support import BINARY, call, eventually, run


class node:
    """One embedded node on a folder, for a `with`."""

    def __init__(self, data, *options):
        self.data, self.options = data, options

    def __enter__(self):
        self.process = subprocess.Popen(
            [BINARY, "serve", "--data", self.data, "--http", "127.0.0.1:0", "--auth", "off", "--node", "solo",
             *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("ready http="), line
        self.address = line.split()[1].removeprefix("http=")
        return self

    def __exit__(self, *_):
        self.kill()
        self.process.stdout.close()

    def call(self, path, body=None, method=None):
        return call(self.address, path, body, method=method)

    def kill(self):
        self.process.kill()
        self.process.wait()


def cron(*options):
    done = subprocess.run([BINARY, "cron", *options], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


def at(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class OrreryCron(unittest.TestCase):
    def test_next_needs_no_server(self):
        code, out, _ = cron("next", "--expr", "0 15 10 ? * 6L", "--zone", "Europe/Warsaw", "--from",
                            "2026-11-21T00:00:00Z", "--count", "2", "-o", "json")
        self.assertEqual(0, code)
        shown = json.loads(out)
        self.assertEqual(["2026-11-27T10:15:00+01:00", "2026-12-25T10:15:00+01:00"],
                         [item["local"] for item in shown["items"]])
        self.assertIn("at 10:15 on the last Friday of every month", shown["description"])

    def test_a_gap_moves_a_fire_and_an_overlap_is_marked(self):
        code, out, _ = cron("preview", "--expr", "0 30 2 * * ?", "--zone", "Europe/Warsaw", "--from", "2026-03-28",
                            "--to", "2026-03-31", "-o", "json")
        self.assertEqual(0, code)
        shown = json.loads(out)
        self.assertEqual("2026-03-29T03:00:00+02:00", shown["items"][1]["local"])
        self.assertEqual("moved out of a gap", shown["items"][1]["note"])
        self.assertEqual(["2026-03-29T02:30:00"], shown["clockChanges"][0]["skippedLocalTimes"])

    def test_a_fault_is_told_with_its_place_and_exit_2(self):
        code, _, err = cron("next", "--expr", "0 0 0 32 * ?")
        self.assertEqual(2, code)
        self.assertIn("character 7", err)
        self.assertEqual(2, cron("next", "--expr", "0 0 0 * * ?", "--zone", "Mars/Olympus")[0])
        self.assertEqual(2, cron("next", "--expr", "0 0 0 * * ?", "--start", "2027-01-01T00:00:00Z", "--end",
                                 "2026-01-01T00:00:00Z")[0])

    def test_a_calendar_that_leaves_nothing_says_never(self):
        code, out, _ = cron("next", "--expr", "* * * * * ?", "--except", "daily:00:00-24:00")
        self.assertEqual((0, "never\n"), (code, out))

    def test_previous_and_explain(self):
        code, out, _ = cron("previous", "--expr", "0 0 12 * * ?", "--from", "2026-11-21T00:00:00Z")
        self.assertEqual((0, "2026-11-20T12:00:00Z\n"), (code, out))
        self.assertIn("every 5 minutes", cron("explain", "--expr", "*/5 * * * *")[1])


class ASchedule(unittest.TestCase):
    BODY = {"name": "every-second", "expressions": ["* * * * * ?"], "overlap": "allow", "misfire": "all",
            "task": {"kind": "noop", "payload": {"at": "{{scheduledAt}}"}}}

    def schedule(self, one, name="every-second"):
        return one.call(f"/api/schedules/{name}")[1]

    def test_fires_and_is_paused_triggered_changed_and_deleted(self):
        with tempfile.TemporaryDirectory() as data, node(data) as one:
            code, made = one.call("/api/schedules", self.BODY)
            self.assertEqual(201, code, made)
            self.assertEqual(201, one.call("/api/schedules", self.BODY)[0])
            self.assertEqual(409, one.call("/api/schedules", self.BODY | {"limit": 3})[0])
            self.assertTrue(eventually(lambda: self.schedule(one)["counters"]["fired"] >= 2))
            fires = one.call("/api/schedules/every-second/history")[1]["items"]
            self.assertTrue(eventually(lambda: any(
                fire["outcome"] == "succeeded"
                for fire in one.call("/api/schedules/every-second/history")[1]["items"])))
            task = one.call(f"/api/tasks/{fires[-1]['started']}")[1]
            self.assertEqual(at(fires[-1]["at"]), at(task["payload"]["at"]))

            code, paused = one.call("/api/schedules/every-second/pause", {"note": "maintenance"})
            self.assertEqual((200, "PAUSED", "maintenance"), (code, paused["status"], paused["note"]))
            code, after = one.call("/api/schedules/every-second/trigger", {})
            self.assertEqual(1, after["counters"]["triggered"])
            code, filled = one.call("/api/schedules/every-second/backfill",
                                    {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:00:02Z"})
            self.assertEqual(200, code, filled)
            self.assertTrue(eventually(lambda: self.schedule(one)["counters"]["triggered"] == 4))

            changed = self.BODY | {"description": "new", "definition": 7}
            self.assertEqual(409, one.call("/api/schedules/every-second", changed, method="PUT")[0])
            code, put = one.call("/api/schedules/every-second", changed | {"definition": 1}, method="PUT")
            self.assertEqual((200, 2), (code, put["definition"]))
            shown = one.call("/api/schedules/every-second/preview?limit=3")[1]
            self.assertEqual(3, len(shown["items"]))
            self.assertFalse(shown["complete"])
            self.assertEqual(["every-second"], [item["name"] for item in one.call(
                "/api/schedules?status=PAUSED&name=every-second")[1]["items"]])
            self.assertEqual("DELETED", one.call("/api/schedules/every-second", method="DELETE")[1]["status"])
            self.assertEqual(409, one.call("/api/schedules/every-second/resume", {})[0])

    def test_publishes_into_the_embedded_log_and_its_whole_history_can_be_read(self):
        body = {"name": "ticks", "expressions": ["* * * * * ?"], "limit": 3,
                "message": {"topic": "ticks", "value": {"n": "{{fireNumber}}"}}}
        with tempfile.TemporaryDirectory() as data:
            with node(data, "--set", "schedule.topics=ticks") as one:
                code, answer = one.call("/api/schedules", body | {"message": {"topic": "task_topic", "value": 1}})
                self.assertEqual(400, code, answer)
                self.assertIn("Orrery's own", str(answer))
                self.assertEqual(201, one.call("/api/schedules", body)[0])
                self.assertTrue(eventually(lambda: self.schedule(one, "ticks")["status"] == "COMPLETED"))
                # Fires faster than the clock, so that the row no longer holds them all.
                filled = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:01:39Z"}
                self.assertEqual(200, one.call("/api/schedules/ticks/backfill", filled)[0])
                self.assertTrue(eventually(lambda: self.schedule(one, "ticks")["counters"]["triggered"] == 100))
                seen, cursor = [], ""
                while cursor is not None:
                    page = one.call("/api/schedules/ticks/history" + (f"?limit=7&cursor={cursor}" if cursor else ""))[1]
                    seen += [item["started"] for item in page["items"]]
                    cursor = page["next"]
                self.assertEqual((103, 103), (len(seen), len(set(seen))))
                self.assertEqual(400, one.call("/api/schedules/ticks/history?cursor=no")[0])
                self.assertEqual(400, one.call("/api/schedules/ticks/history?limit=0")[0])
            options = ("--data", data, "--set", "schedule.topics=ticks")
            code, text = run(BINARY, "tail", *options, "ticks")
            self.assertEqual(0, code, text)
            self.assertEqual([{"n": str(n)} for n in range(1, 104)], [json.loads(line) for line in text.splitlines()])
            code, text = run(BINARY, "tail", *options, "schedule_status_topic")
            self.assertEqual(["ACTIVE", "COMPLETED"], [json.loads(line)["status"] for line in text.splitlines()])

    def test_refuses_bad_input_and_names_the_place(self):
        with tempfile.TemporaryDirectory() as data, node(data) as one:
            for change, field in (({"expressions": ["0 0 0 * * *"]}, "expressions[0]"),
                                  ({"zone": "Mars/Olympus"}, "zone"),
                                  ({"start": "2027-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, "end"),
                                  ({"except": ["daily:00:00-24:00"]}, "expressions"),
                                  ({"task": {"kind": "nobody"}}, "task.kind")):
                code, answer = one.call("/api/schedules", self.BODY | change)
                self.assertEqual(400, code, answer)
                self.assertIn(field, json.dumps(answer), answer)
            self.assertEqual(404, one.call("/api/schedules/every-second")[0])

    def test_of_a_node_that_is_killed_fires_each_second_once(self):
        with tempfile.TemporaryDirectory() as data:
            for round_ in range(3):
                with node(data) as one:
                    if round_ == 0:
                        self.assertEqual(201, one.call("/api/schedules", self.BODY)[0])
                    seen = self.schedule(one)["counters"]["fired"]
                    self.assertTrue(eventually(lambda: self.schedule(one)["counters"]["fired"] > seen + 1))
                    one.kill()
            with node(data) as one:
                fired = self.schedule(one)["counters"]["fired"]
                self.assertTrue(eventually(lambda: self.schedule(one)["counters"]["fired"] > fired + 1))
                shard = self.schedule(one)["shard"]
            code, text = run(BINARY, "journal", "--data", data, "--shard", str(shard))
            self.assertEqual(0, code)
            events = [json.loads(line.split(" ", 1)[1]) for line in text.splitlines()]
            times = [at(event["fireAt"]) for event in events if event["type"] == "ScheduleFired"]
            self.assertGreater(len(times), 6)
            for before, after in zip(times, times[1:]):
                self.assertEqual(datetime.timedelta(seconds=1), after - before)
            started = {event["started"] for event in events if event["type"] == "ScheduleFired"}
            submitted = {event["taskId"] for event in events if event["type"] == "TaskSubmitted"}
            self.assertEqual(started, submitted)


if __name__ == "__main__":
    unittest.main()
