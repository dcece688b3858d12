"""Is there an order of a task's operations, each at one moment between its call and its answer, in which
every answer is right? By the method of Wing and Gong with Lowe's memory of what was tried.

A task also moves by itself: it starts, ends, is retried. So a state leads to several, and an answer is
right where one of them gives it. Operations whose result is unknown may have happened at any time after
their call, or never. What a task's kind cannot do (a run that ended does not begin again without a rerun)
is not in `BY_ITSELF`, and that is what finds lost cancels and reads of the past.
"""
FINAL = frozenset({"SUCCEEDED", "FAILED", "EXPIRED", "CANCELLED"})
BY_ITSELF = {
    "ABSENT": (),
    "ACCEPTED": ("QUEUED", "SCHEDULED"),
    "SCHEDULED": ("QUEUED", "EXPIRED"),
    "QUEUED": ("RUNNING", "EXPIRED"),
    "RUNNING": ("SUCCEEDED", "FAILED", "EXPIRED", "RETRYING", "QUEUED"),
    "RETRYING": ("QUEUED", "EXPIRED"),
}
WAITING = ("ACCEPTED", "SCHEDULED", "QUEUED", "RUNNING", "RETRYING")


def reachable(state):
    """(status, run) and everything it may become by itself."""
    status, run = state
    seen, todo = {status}, [status]
    while todo:
        for after in BY_ITSELF.get(todo.pop(), ()):
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return {(one, run) for one in seen}


def after_unknown(kind, state):
    """States after an operation that took effect and whose answer nobody saw."""
    status, run = state
    if kind == "submit":
        return {("ACCEPTED", run)} if status == "ABSENT" else {state}
    if kind == "cancel":
        return {("CANCELLED", run)} if status in WAITING else {state}
    if kind == "rerun":
        return {("QUEUED", run + 1)} if status in FINAL else {state}
    return {state}


def step(state, kind, result, answer):
    """States after the operation, given its answer; none where the answer is wrong."""
    out = set()
    for status, run in reachable(state):
        here = (status, run)
        if result == "unknown":
            out |= after_unknown(kind, here)
        elif kind == "submit":
            out |= after_unknown(kind, here)
        elif kind == "get":
            told = answer.get("status"), answer.get("run", run)
            if told == here or (told[0] == "ACCEPTED" and status == "ACCEPTED"):
                out.add(here)
        elif kind == "cancel":
            if result == "ok" and status in (*WAITING, "CANCELLED") and answer.get("run", run) == run:
                out.add(("CANCELLED", run))
            elif result == "refused" and status in FINAL - {"CANCELLED"}:
                out.add(here)
        elif kind == "rerun":
            if result == "ok" and status in FINAL:
                out.add(("QUEUED", run + 1))
            elif result == "refused" and status not in FINAL:
                out.add(here)
    return out


def first_impossible(operations, limit=200_000):
    """None where the history is linearizable; otherwise the longest part that was, and what followed.

    `operations`: (invoked, returned, kind, result, answer) with result `ok`, `refused` or `unknown`.
    Those that surely had no effect are left out by the caller. More than `limit` steps: gives up with an
    error, so that no history passes because it was too long to look at.
    """
    forever = float("inf")
    calls = [(call, forever if result == "unknown" else end, kind, result, answer)
             for call, end, kind, result, answer in sorted(operations, key=lambda one: one[0])]
    everything = (1 << len(calls)) - 1
    must = sum(1 << i for i, one in enumerate(calls) if one[3] != "unknown")
    seen, best, steps = set(), (0, frozenset()), 0
    todo = [(0, ("ABSENT", 1))]
    while todo:
        done, state = todo.pop()
        if done & must == must:
            return None
        if (done, state) in seen:
            continue
        seen.add((done, state))
        steps += 1
        if steps > limit:
            raise RuntimeError("a history is too long to be judged")
        best = max(best, (bin(done & must).count("1"), frozenset([done])), key=lambda one: one[0])
        left = [i for i in range(len(calls)) if not done >> i & 1]
        # Next may be only what was called before everything left had been answered.
        deadline = min(calls[i][1] for i in left)
        for i in left:
            if calls[i][0] > deadline:
                break
            _, _, kind, result, answer = calls[i]
            for after in step(state, kind, result, answer):
                todo.append((done | 1 << i, after))
    done = next(iter(best[1]), 0)
    return {"good": [calls[i] for i in range(len(calls)) if done >> i & 1],
            "stuck": [calls[i] for i in range(len(calls)) if everything & ~done >> i & 1][:5]}
