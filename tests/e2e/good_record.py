"""A record of a run in which all was kept, for the tests of the checker: they plant mistakes in it."""
import support  # noqa: F401, finds the folder of the checker

import checker
from evidence import Evidence
from history import Operation


def ok(kind, value="", entity=None, at=0.0, answer=None, result="ok", code=200):
    operation = Operation("c", kind, value, entity)
    operation.invoked, operation.returned = at, at + 0.5
    operation.result, operation.code, operation.answer = result, code, answer or {}
    return operation


def good_record():
    """Two orders, three tasks: one by HTTP with two attempts, one at-most-once, one cancelled and run
    again; one submit whose answer was lost and one that never arrived; one bad record."""
    found = Evidence()
    at = "2026-11-21T08:00:00.000000Z"

    def event(shard, position, entity, name, **more):
        found.journal.append({"shard": shard, "position": position, "id": entity, "type": name,
                              "at": at} | more)

    event(0, 1, "o1", "OrderCreated", product="order-1")
    event(0, 2, "t1", "TaskSubmitted", description="task-1", kind="http")
    event(0, 3, "t1", "TaskStarted")
    event(0, 4, "t1", "TaskRetryScheduled")
    event(0, 5, "t1", "TaskQueued")
    event(0, 6, "t1", "TaskStarted")
    event(0, 7, "t1", "TaskSucceeded")
    event(0, 8, "o2", "OrderCreated", product="order-unknown")
    event(1, 1, "t2", "TaskSubmitted", description="task-2", kind="http", delivery="at-most-once")
    event(1, 2, "t2", "TaskStarted")
    event(1, 3, "t2", "TaskSucceeded")
    event(1, 4, "t3", "TaskSubmitted", description="task-3", kind="noop")
    event(1, 5, "t3", "TaskCancelled")
    event(1, 6, "t3", "TaskRerun")
    event(1, 7, "t3", "TaskStarted")
    event(1, 8, "t3", "TaskSucceeded")
    before = {}
    for one in found.journal:
        status, entity = checker.status_after(one), one["id"]
        name = "orderId" if entity.startswith("o") else "taskId"
        told = {name: entity, "status": status, "shard": one["shard"], "partition": one["shard"],
                "topic": name, "position": one["position"]}
        if entity in before:
            told["previousStatus"] = before[entity]
        found.statuses.append(told)
        before[entity] = status
        view = found.views.setdefault(entity, {name: entity, "version": 0})
        view["status"] = status
        view["version"] += 1
    found.effects = [{"task": "t1", "attempt": "1/1/3", "value": "task-1", "key": "t1-1"},
                     {"task": "t1", "attempt": "1/2/4", "value": "task-1", "key": "t1-1"},
                     {"task": "t2", "attempt": "1/1/3", "value": "task-2", "key": "t2-1"}]
    found.letters = ['{"product":"bad-1"']
    found.intake = [
        {"topic": topic, "partition": partition, "offset": offset, "payload": payload}
        for topic, partition, offset, payload in (
            ("orders", 0, 0, '{"product":"order-1"}'), ("orders", 0, 1, '{"product":"bad-1"'),
            ("orders", 0, 2, '{"product":"order-unknown"}'), ("tasks", 0, 0, '{"description":"task-1"}'),
            ("tasks", 1, 0, '{"description":"task-2"}'), ("tasks", 1, 1, '{"description":"task-3"}'),
            ("tasks", 1, 2, '{"description":"task-2"}'))]
    history = [
        ok("submit-order", "order-1", "o1", 0), ok("submit-task", "task-1", "t1", 1),
        ok("submit-task", "task-2", "t2", 2), ok("submit-task", "task-3", "t3", 3),
        ok("submit-order", "order-unknown", None, 4, result="unknown", code=None),
        ok("submit-order", "order-gone", None, 4, result="unknown", code=None),
        ok("produce-bad", "bad-1", None, 5),
        ok("get", entity="t1", at=6, answer={"taskId": "t1", "status": "RETRYING", "run": 1, "version": 3}),
        ok("get", entity="t1", at=7, answer={"taskId": "t1", "status": "SUCCEEDED", "run": 1,
                                             "version": 6}),
        ok("cancel", entity="t3", at=4, answer={"taskId": "t3", "status": "CANCELLED", "run": 1,
                                                "version": 2}),
        ok("rerun", entity="t3", at=5, answer={"taskId": "t3", "status": "QUEUED", "run": 2,
                                               "version": 3}),
        ok("get", entity="t3", at=6, answer={"taskId": "t3", "status": "SUCCEEDED", "run": 2,
                                             "version": 5}),
        ok("cancel", entity="t1", at=8, result="fail", code=409),
        ok("refused", "refused-1", at=9, result="fail", code=422),
    ]
    return history, found
