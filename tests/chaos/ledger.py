"""S12: the stock's own database and the orders' journal agree. S13: what an order had begun is undone, the
last first. The rules are written here a second time on purpose: the product is not asked."""
import collections

TAKES = {"CONFIRMED", "FULFILLING", "COMPLETED"}
UNDONE = {"FAILED", "CANCELLED", "EXPIRED", "REJECTED"}
# The flows of the run; `reserve` is their first step. All have compensations but `send`.
RESERVE = {"name": "reserve", "kind": "stock.reserve", "compensate": {"kind": "stock.release", "retry":
           {"maxAttempts": 1000, "max": "PT1S"}}, "retry": {"maxAttempts": 1000, "initial": "PT0.1S", "max": "PT1S"}}
PACK = {"name": "pack", "kind": "sleep", "payload": {"seconds": 0.05}, "compensate":
        {"kind": "noop", "retry": {"maxAttempts": 50}}, "retry": {"maxAttempts": 50, "initial": "PT0.1S"}}
SEND = {"name": "send", "kind": "noop", "retry": {"maxAttempts": 50, "initial": "PT0.1S"}}
BREAK = {"name": "send", "kind": "sleep", "retry": {"maxAttempts": 1}, "payload": {"seconds": 0.02, "fail": "broke"}}
FLOWS = [{"name": "sell", "steps": [RESERVE, PACK, SEND]}, {"name": "break", "steps": [RESERVE, PACK, BREAK]}]
COMPENSATED = (0, 1)
PRODUCTS = {"hot": 100_000, "scarce": 40}


class Sale:
    """An order with a flow, as its events tell it."""

    def __init__(self, event):
        self.product, self.quantity, self.flow = event["product"], event["quantity"], event.get("flow")
        self.status, self.children, self.undos, self.without = "CREATED", [], [], set()

    def hears(self, event, status):
        self.status = status or self.status
        if event["type"] == "OrderStepStarted":
            (self.undos if event.get("compensation") else self.children).append((event["step"], event["taskId"]))
        if event["type"] == "OrderStepEnded" and event.get("errorCode") == "no-stock":
            self.without.add(event["taskId"])


def sales_of(journal, status_after):
    """Orders with a flow, and of every task the names of its events."""
    sales, tasks = {}, collections.defaultdict(list)
    for event in journal:
        if event["type"].startswith("Task"):
            tasks[event["id"]].append(event["type"])
        elif event["type"] == "OrderCreated" and event.get("flow"):
            sales[event["id"]] = Sale(event)
        elif event["id"] in sales:
            sales[event["id"]].hears(event, status_after(event))
    return sales, tasks


def children_of(journal):
    return {event["taskId"] for event in journal if event["type"] == "OrderStepStarted"}


def rests(view, final, orders_rest):
    """Whether nothing more becomes of it by itself."""
    if "taskId" in view:
        return view["status"] in final
    return view["status"] in orders_rest - ({"CREATED", "CONFIRMED"} if view.get("flow") else set())


def check_stock(report, evidence, status_after):
    """S12. `evidence.stock`: products by name as the API tells them; `reservations`: rows of the stock's own
    database (task, order, product, quantity, state); `prepared`: what is left there."""
    sales, _ = sales_of(evidence.journal, status_after)
    wanted = collections.Counter()
    for sale in sales.values():
        if sale.status in TAKES:
            wanted[sale.product] += sale.quantity
    wrong = []
    for product, received in PRODUCTS.items():
        row = evidence.stock[product]
        if row["taken"] != wanted[product] or row["available"] != received - wanted[product]:
            wrong.append((row, wanted[product]))
    report.find("S12 ledger", "products of which orders have another number than the stock", wrong)
    report.find("S12 below zero", "products have less than nothing",
                [row for row in evidence.stock.values() if row["available"] < 0])
    report.find("S12 left over", "products are set aside for nobody",
                [row for row in evidence.stock.values() if row["held"] or row["released"]])
    report.find("S12 prepared", "transactions were left prepared", evidence.prepared)
    held = collections.Counter(order for _, order, _, _, state in evidence.reservations if state == "1")
    report.find("S12 reservations", "orders hold what they should not, or do not hold what they should",
                [(order, sale.status, held[order]) for order, sale in sales.items()
                 if held[order] != (1 if sale.status in TAKES else 0)])
    report.find("S12 reservations", "reservations of nobody", set(held) - set(sales))
    report.counts.update(sales=len(sales), sold=sum(sale.status in TAKES for sale in sales.values()))


def check_compensations(report, evidence, status_after):
    """S13."""
    sales, tasks = sales_of(evidence.journal, status_after)
    wrong = []
    for order, sale in sales.items():
        begun = [step for step, task in sale.children
                 if step in COMPENSATED and "TaskStarted" in tasks[task] and task not in sale.without]
        undone = [step for step, _ in sale.undos]
        due = list(reversed(begun)) if sale.status in UNDONE else []
        if undone != due or any("TaskSucceeded" not in tasks[task] for _, task in sale.undos):
            wrong.append((order, sale.status, begun, undone))
    report.find("S13 compensation", "orders undid something else than what they had begun, the last first", wrong)
    report.counts.update(undone=sum(bool(sale.undos) for sale in sales.values()))
