"""What a node tells of itself: metrics, and the rules and the dashboard that ask for them."""
import re
import subprocess
import unittest

from observability import log_calls, metrics, submit
from support import ROOT, call, eventually, run
from tasks_test import Node


def named_metrics(path):
    """Metrics that a dashboard or a rule file asks for."""
    text = path.read_text()
    return set(re.findall(r"\b(?:orrery|process)_[a-z0-9_]+", text))


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node(cls, "--set", "limits.slots.sleep=2", "--set", "workers.kinds=work")

    def value(self, name, **labels):
        _, found = metrics(self.node.address)
        return sum(value for pairs, value in found.get(name, [])
                   if all(pairs.get(k) == v for k, v in labels.items()))

    def test_promtool_finds_no_fault_in_them(self):
        submit(self.node.address, {"kind": "noop"}, Prefer="wait=5")
        text, _ = metrics(self.node.address)
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertEqual(0, checked.returncode, checked.stdout)

    def test_times_and_statuses_follow_what_is_done(self):
        before = self.value("orrery_entered_total", kind="task", status="SUCCEEDED")
        for _ in range(3):
            submit(self.node.address, {"kind": "sleep", "payload": {"duration": "20ms"}},
                   Prefer="wait=10")
        self.assertEqual(before + 3, eventually(
            lambda: (n := self.value("orrery_entered_total", kind="task",
                                     status="SUCCEEDED")) >= before + 3 and n))
        _, found = metrics(self.node.address)
        took = [v for pairs, v in found["orrery_attempt_seconds_sum"] if pairs["kind"] == "sleep"]
        count = [v for pairs, v in found["orrery_attempt_seconds_count"] if pairs["kind"] == "sleep"]
        self.assertGreaterEqual(took[0], 0.02 * count[0])
        whole = [v for pairs, v in found["orrery_task_seconds_sum"] if pairs["kind"] == "sleep"]
        self.assertGreaterEqual(whole[0], took[0])

    def test_waiting_tasks_are_told_by_queue_and_shard_with_their_age(self):
        for _ in range(6):
            submit(self.node.address, {"kind": "work", "queue": "slow"})
        self.assertTrue(eventually(
            lambda: self.value("orrery_queue_depth", queue="slow") == 6))
        _, found = metrics(self.node.address)
        shards = {pairs["shard"] for pairs, _ in found["orrery_queue_depth"]}
        self.assertTrue(all(s.isdigit() for s in shards))
        age = self.value("orrery_queue_oldest_seconds", queue="slow")
        self.assertTrue(eventually(
            lambda: self.value("orrery_queue_oldest_seconds", queue="slow") > age))

    def test_many_queue_names_do_not_become_many_lines(self):
        items = [{"kind": "work", "queue": f"q{i}"} for i in range(1500)]
        status, _ = call(self.node.address, "/api/tasks/batch", items)
        self.assertEqual(200, status)
        self.assertTrue(eventually(
            lambda: self.value("orrery_queue_depth", queue="other") > 0))
        _, found = metrics(self.node.address)
        self.assertLessEqual(len(found["orrery_queue_depth"]), 1000 + 16)

    def test_a_ttl_tells_how_late_it_was(self):
        submit(self.node.address, {"kind": "sleep", "payload": {"duration": "30s"}, "ttl": "50ms"},
               Prefer="wait=10")
        self.assertGreaterEqual(self.value("orrery_ttl_lateness_seconds_count"), 1)

    def test_requests_are_told_by_route_and_mailboxes_by_actor(self):
        submit(self.node.address, {"kind": "noop"})
        self.assertGreaterEqual(self.value("orrery_http_request_seconds_count", method="POST",
                                           route="/api/tasks"), 1)
        self.assertTrue(eventually(lambda: len(
            [1 for pairs, _ in metrics(self.node.address)[1]["orrery_mailbox_messages"]
             if pairs["actor"] == "shard"]) == 16))
        for name in ("process_cpu_seconds_total", "process_open_fds", "process_threads",
                     "process_resident_memory_bytes", "orrery_rebalances_total",
                     "orrery_commit_batch_count", "orrery_commit_seconds_count"):
            self.assertGreater(self.value(name), 0, name)

    def test_dashboard_and_rules_ask_only_for_what_there_is(self):
        submit(self.node.address, {"kind": "noop"}, Prefer="wait=5")
        submit(self.node.address, {"kind": "work", "queue": "asked"})  # waits: its queue has a depth
        paths = (ROOT / "deploy/prometheus/alerts.yml", ROOT / "deploy/grafana/orrery.json")
        wanted = set().union(*map(named_metrics, paths))
        def missing():
            return wanted - set(metrics(self.node.address)[1])
        self.assertTrue(eventually(lambda: not missing()), missing())

    def test_promtool_finds_no_fault_in_the_rules(self):
        status, text = run("promtool", "check", "rules", ROOT / "deploy/prometheus/alerts.yml")
        self.assertEqual(0, status, text)
        status, text = run("promtool", "test", "rules", ROOT / "deploy/prometheus/alerts_test.yml")
        self.assertEqual(0, status, text)


    def test_every_line_about_an_order_task_or_schedule_carries_its_trace(self):
        bare = [f"{place}: {text[:80]}" for place, text in log_calls()
                if re.search(r'\{"(order|task|schedule|id)",', text) and '"trace"' not in text]
        self.assertEqual([], bare)

    def test_the_cluster_tells_of_this_node_its_shards_and_their_lag(self):
        status, picture = call(self.node.address, "/api/cluster")
        self.assertEqual(200, status)
        self.assertEqual([True], [one["ready"] for one in picture["nodes"]])
        self.assertTrue(picture["nodes"][0]["version"])
        self.assertTrue(all(s["epoch"] >= 1 and s["waitingTasks"] >= 0 for s in picture["shards"]))


if __name__ == "__main__":
    unittest.main()
