"""Compares the client's history with the system's evidence. Every finding begins with the name of the
invariant of docs/reliability.md that is broken, so that a planted mistake can be told from another one.
"""
import collections
import json

import ledger
import linear
from evidence import id_of

FINAL = linear.FINAL
# What each event leads to, written here a second time on purpose: the product is not asked.
STATUS_AFTER = {
    "TaskQueued": "QUEUED", "TaskStarted": "RUNNING", "TaskSucceeded": "SUCCEEDED",
    "TaskRetryScheduled": "RETRYING", "TaskInterrupted": "QUEUED", "TaskFailed": "FAILED",
    "TaskExpired": "EXPIRED", "TaskCancelled": "CANCELLED", "TaskPaused": "PAUSED",
    "TaskRerun": "QUEUED", "OrderCreated": "CREATED", "OrderConfirmed": "CONFIRMED",
    "OrderRejected": "REJECTED", "OrderFulfilmentStarted": "FULFILLING",
    "OrderCompleted": "COMPLETED", "OrderCancelled": "CANCELLED", "OrderExpired": "EXPIRED",
    "OrderCompensationStarted": "COMPENSATING", "OrderFailed": "FAILED",
    "OrderCompensationFailed": "COMPENSATION_FAILED",
}
# Of an order that goes on as it was.
UNMOVED = {"OrderFlowBegun", "OrderStepStarted", "OrderStepEnded"}
# Which status may follow which; docs/states.md.
FOLLOWS = {
    "SCHEDULED": {"QUEUED", "PAUSED", "EXPIRED", "CANCELLED"},
    "QUEUED": {"RUNNING", "PAUSED", "EXPIRED", "CANCELLED"},
    "RUNNING": {"SUCCEEDED", "FAILED", "RETRYING", "QUEUED", "PAUSED", "EXPIRED", "CANCELLED"},
    "RETRYING": {"QUEUED", "PAUSED", "EXPIRED", "CANCELLED"},
    "PAUSED": {"SCHEDULED", "RETRYING", "QUEUED", "EXPIRED", "CANCELLED"},
    "SUCCEEDED": {"QUEUED"}, "FAILED": {"QUEUED"}, "EXPIRED": {"QUEUED"}, "CANCELLED": {"QUEUED"},
}
ORDERS_REST = {"CREATED", "CONFIRMED", "REJECTED", "COMPLETED", "CANCELLED", "EXPIRED", "FAILED",
               "COMPENSATION_FAILED"}


class Report:
    """What was found, and what was counted on the way."""

    def __init__(self):
        self.findings, self.counts, self.lost = [], collections.Counter(), set()

    def find(self, invariant, text, things=()):
        things = list(things)
        if things:
            self.findings.append(f"{invariant}: {len(things)} {text}: {things[:5]}")

    def good(self):
        return not self.findings


def value_of(event):
    if event["type"] == "TaskSubmitted":
        return event.get("description")
    return event.get("customer") or event.get("product")  # who buys what all want is told by the customer


def submissions(journal):
    """Events that begin something the client asked for, by the client's value."""
    born = collections.defaultdict(list)
    steps = ledger.children_of(journal)
    for event in journal:
        if event["type"] in ("TaskSubmitted", "OrderCreated") and event["id"] not in steps:
            born[value_of(event)].append(event)
    return born


def check_set(report, history, evidence):
    """S1 nothing lost, S2 nothing invented, and nothing twice."""
    wished = collections.defaultdict(set)
    for one in history:
        if one.kind.startswith(("submit", "produce")):
            wished[one.value].add(one.result)
    ok = {value for value, results in wished.items() if "ok" in results}
    unknown = {value for value, results in wished.items() if "unknown" in results} - ok
    bad = {one.value for one in history if one.kind == "produce-bad" and one.result == "ok"}
    born = submissions(evidence.journal)
    report.lost = ok - bad - set(born)
    report.find("S1 lost", "accepted and not in the journal", report.lost)
    report.find("S2 unexpected", "in the journal and never accepted", set(born) - ok - unknown)
    report.find("S1 duplicated", "are in the journal more than once",
                [value for value, events in born.items() if len(events) > 1])
    told = {one.value: one.id for one in history if one.result == "ok" and one.id
            and one.kind.startswith("submit")}
    report.find("S9 another id", "were accepted with one id and exist under another",
                [value for value, entity in told.items()
                 if value in born and born[value][0]["id"] != entity])
    letters = "\n".join(evidence.letters)
    report.find("S1 bad input", "were unreadable and are in no dead letter",
                [value for value in bad if value not in letters])
    report.find("S2 bad input", "were unreadable and took effect", bad & set(born))
    report.counts.update(ok=len(ok), unknown=len(unknown), recovered=len(unknown & set(born)),
                         journal=sum(len(events) for events in born.values()), bad=len(bad))


def unseen(history, views):
    """What was accepted and is in no view: it may lie in the intake still, and has not been begun."""
    shown = {view.get(name) for view in views.values() for name in ("description", "customer", "product")}
    return {one.value for one in history
            if one.result == "ok" and (one.kind.startswith("submit") or one.kind == "produce")} - shown


def check_refused(report, history, evidence):
    """S11: what was refused left no trace: no entity, no status, no effect, no dead letter."""
    refused = {one.value for one in history if one.kind == "refused"}
    report.find("S11 accepted", "had to be refused and were accepted",
                [one.value for one in history if one.kind == "refused" and one.result == "ok"])
    traces = {"journal": json.dumps(evidence.journal), "statuses": json.dumps(evidence.statuses),
              "effects": json.dumps(evidence.effects), "dead letters": "\n".join(evidence.letters)}
    for where, text in traces.items():
        report.find(f"S11 trace in {where}", "were refused and are found there",
                    [value for value in refused if value in text])
    report.counts.update(refused=len(refused))


def check_positions(report, journal):
    """S6, first half: positions of a shard are 1, 2, 3, …"""
    last = collections.defaultdict(int)
    wrong = []
    for event in journal:
        if event["position"] != last[event["shard"]] + 1:
            wrong.append((event["shard"], last[event["shard"]], event["position"]))
        last[event["shard"]] = event["position"]
    report.find("S6 positions", "gaps or repeats in a shard's journal", wrong)


def check_order(report, evidence):
    """S7: what one topic's partition holds takes effect in the order in which it lies there."""
    born = {value: events[0] for value, events in submissions(evidence.journal).items()}
    last, seen, wrong, judged = {}, set(), [], 0
    for record in sorted(evidence.intake, key=lambda r: (r["topic"], r["partition"], r["offset"])):
        try:
            body = json.loads(record["payload"])
        except (TypeError, ValueError):
            continue
        value = isinstance(body, dict) and (body.get("description") or body.get("customer") or body.get("product"))
        event = born.get(value) if isinstance(value, str) else None
        if event is None or value in seen:
            continue
        seen.add(value)
        judged += 1
        track = record["topic"], record["partition"]
        if event["shard"] != record["partition"] or event["position"] < last.get(track, 0):
            wrong.append((*track, record["offset"], value))
        last[track] = event["position"]
    report.find("S7 order", "took effect in another order than they lie in the intake", wrong)
    report.counts.update(ordered=judged)


def status_after(event):
    if event["type"] == "TaskSubmitted":
        return "SCHEDULED" if event.get("runAt", "") > event["at"] else "QUEUED"
    return STATUS_AFTER.get(event["type"])


def fold(journal):
    """Each entity's statuses with the position they came at; None where an event is not known here."""
    lives = collections.defaultdict(list)
    for event in journal:
        lives[event["id"]].append((status_after(event), event))
    return lives


def check_lives(report, evidence):
    """S6, second half: allowed steps only; one end per run; views equal the folded journal."""
    lives = fold(evidence.journal)
    steps, ends, stale, once = [], [], [], []
    for entity, life in lives.items():
        before, ended, starts = None, 0, 0
        at_most_once = life[0][1].get("delivery") == "at-most-once"
        for status, event in life:
            if event["type"] == "TaskRerun":
                ended = starts = 0
            if event["type"] in UNMOVED:
                continue
            if status is None:
                before = None
                continue
            if before in FOLLOWS and event["type"].startswith("Task") and status not in FOLLOWS[before]:
                steps.append((entity, before, status))
            if event["type"].startswith("Task") and status in FINAL:
                ended += 1
            starts += event["type"] == "TaskStarted"
            before = status
        if ended > 1:
            ends.append((entity, ended))
        if at_most_once and starts > 1:
            once.append((entity, starts))
        view = evidence.views.get(entity)
        if view is None or view["version"] != len(life) or before not in (None, view["status"]):
            stale.append((entity, before, len(life), view and (view["status"], view["version"])))
    report.find("S6 steps", "steps that the state machine does not know", steps)
    report.find("S6 ends", "runs that ended more than once", ends)
    report.find("S6 at-most-once", "runs started again", once)
    report.find("S6 views", "views differ from the folded journal", stale)
    report.find("S6 views", "views without a journal", set(evidence.views) - set(lives))
    report.counts.update(entities=len(lives), events=len(evidence.journal))


def check_statuses(report, evidence):
    """S10: every committed status is published, none without a commit, in order of each shard. A repeat is
    allowed only as a run that goes on behind where it began again; how many is counted."""
    committed = {(event["shard"], event["position"]): (event["id"], status_after(event))
                 for event in evidence.journal}
    published, invented, disorder = set(), [], []
    repeats, high = 0, collections.defaultdict(int)
    before = {}
    for told in evidence.statuses:
        place = told["shard"], told["position"]
        track = told.get("topic"), told["partition"]
        if committed.get(place, (None, None))[0] != id_of(told) or \
                committed[place][1] not in (None, told["status"]):
            invented.append((place, id_of(told), told["status"]))
        if told["partition"] != told["shard"]:
            disorder.append(place)
        if place in published:
            repeats += 1
        elif place[1] < high[track]:
            disorder.append(place)  # new, and behind what was told already
        elif before.get(id_of(told)) != told.get("previousStatus"):
            disorder.append((place, before.get(id_of(told)), told.get("previousStatus")))
        if place not in published:
            before[id_of(told)] = told["status"]
        published.add(place)
        high[track] = max(high[track], place[1])
    missing = [place for place, (_, status) in committed.items()
               if status is not None and place not in published]
    report.find("S10 unpublished", "committed statuses were never published", missing)
    report.find("S10 invented", "published without a commit", invented)
    report.find("S10 order", "published out of order", disorder)
    report.counts.update(published=len(published), repeats=repeats)


def attempt_of(effect):
    """(run, attempt, epoch)"""
    return tuple(int(part) for part in effect["attempt"].split("/"))


def check_effects(report, history, evidence):
    """S4, S5: every end by success has its effect; a repeat is another attempt or another owner's; nothing
    comes from nowhere; at-most-once happens at most once."""
    wished = {one.value for one in history}
    begun = {event["id"]: event for event in evidence.journal if event["type"] == "TaskSubmitted"}
    effects = collections.defaultdict(list)
    for effect in evidence.effects:
        effects[effect["task"]].append(effect)
    report.find("S2 effects", "effects of what nobody asked for",
                [e["value"] for e in evidence.effects if e["value"] not in wished])
    report.find("S4 wrong task", "effects under another task than their value's",
                [e["value"] for e in evidence.effects
                 if e["task"] in begun and value_of(begun[e["task"]]) != e["value"]])
    missing, twice, again = [], [], []
    runs = collections.Counter()
    for event in evidence.journal:
        if event["type"] == "TaskRerun":
            runs[event["id"]] += 1
        if event["type"] == "TaskSucceeded" and begun.get(event["id"], {}).get("kind") == "http":
            run = runs[event["id"]] + 1
            if not any(attempt_of(e)[0] == run for e in effects[event["id"]]):
                missing.append((event["id"], run))
    for task, list_of in effects.items():
        seen = [attempt_of(e) for e in list_of]
        twice += [(task, one) for one, times in collections.Counter(seen).items() if times > 1]
        if begun.get(task, {}).get("delivery") == "at-most-once":
            again += [(task, run) for run, times in collections.Counter(s[0] for s in seen).items()
                      if times > 1]
    report.find("S4 no effect", "succeeded without an effect", missing)
    report.find("S4 doubled", "effects of one attempt of one owner happened twice", twice)
    report.find("S4 at-most-once", "runs had more than one effect", again)
    report.counts.update(effects=len(evidence.effects),
                         repeated_effects=len(evidence.effects) - len(effects))


def check_ends(report, evidence):
    """L1: everything came to rest."""
    report.find("L1 unfinished", "are not final",
                [(entity, view["status"]) for entity, view in evidence.views.items()
                 if not ledger.rests(view, set(FINAL), ORDERS_REST)
                 and "left-open" not in view.get("description", "")])


def operations_of(history):
    """Per task that has been read or moved: the operations as `linear` wants them."""
    named = {one.value: one.id for one in history if one.id}
    tasks = collections.defaultdict(list)
    for one in history:
        entity = one.id or named.get(one.value)
        if entity is None or one.kind not in ("submit-task", "get", "cancel", "rerun"):
            continue
        kind = "submit" if one.kind == "submit-task" else one.kind
        result, answer = one.result, one.answer
        if result == "fail":
            if kind == "get" and one.code == 404:
                result, answer = "ok", {"status": "ABSENT"}
            elif kind in ("cancel", "rerun") and one.code == 409:
                result = "refused"
            else:
                continue
        elif kind == "get" and result != "ok":
            continue
        tasks[entity].append((one.invoked, one.returned, kind, result, answer))
    return {task: calls for task, calls in tasks.items() if len(calls) > 1}


def check_histories(report, history):
    """S8: per task, every answer is right at some moment of its call."""
    judged = 0
    for task, calls in operations_of(history).items():
        judged += 1
        wrong = linear.first_impossible(calls)
        if wrong:
            report.find("S8 history", f"of task {task} cannot be put in order, at",
                        [(c[2], c[3], c[4].get("status"), c[4].get("run")) for c in wrong["stuck"]])
    report.counts.update(histories=judged)


def check_versions(report, history):
    """S8: whoever asks later never sees an earlier version."""
    reads = collections.defaultdict(list)
    for one in history:
        if one.result == "ok" and "version" in one.answer:
            reads[id_of(one.answer)].append((one.invoked, one.returned, one.answer["version"]))
    back = []
    for entity, calls in reads.items():
        for invoked, _, version in calls:
            newest = max((v for _, returned, v in calls if returned < invoked), default=0)
            if version < newest:
                back.append((entity, newest, version))
    report.find("S8 backwards", "reads saw an earlier version than one that had ended before", back)


def check(history, evidence, statuses=True):
    """All of it. `history`: operations; the effects and the rest are in `evidence`."""
    report = Report()
    check_set(report, history, evidence)
    check_refused(report, history, evidence)
    check_positions(report, evidence.journal)
    check_order(report, evidence)
    check_lives(report, evidence)
    if statuses:
        check_statuses(report, evidence)
    check_effects(report, history, evidence)
    check_ends(report, evidence)
    check_histories(report, history)
    check_versions(report, history)
    if report.lost and evidence.traces:
        report.find("S1 traces", "of what was lost", [json.dumps(evidence.traces(report.lost))])
    if evidence.stock is not None:
        ledger.check_stock(report, evidence, status_after)
        ledger.check_compensations(report, evidence, status_after)
    return report


def check_worth(report, history, windows, proofs, share=0.05):
    """A run in which most failed, or in which nothing was disturbed, proves nothing: no verdict is red."""
    total = max(len(history), 1)
    good = sum(one.result == "ok" for one in history)
    during = sum(any(one.invoked <= end and one.returned >= begin for begin, end in windows)
                 for one in history)
    if good < total / 2:
        report.findings.append(f"no verdict: {good} of {total} operations were ok")
    if during < total * share:
        report.findings.append(f"no verdict: {during} of {total} operations ran during a fault")
    report.find("no verdict", "faults without a proof", [name for name, proof in proofs if not proof])
    if not proofs:
        report.findings.append("no verdict: there was no fault")
    report.counts.update(operations=total, operations_ok=good, during_faults=during)


def text_of(report):
    counts = json.dumps(dict(report.counts))
    return f"{counts}\n" + ("\n".join(report.findings) or "nothing found")
