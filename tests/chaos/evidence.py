"""What the system says of itself when all is quiet: journal, views, published statuses, effects."""
import json

from support import BINARY, run


class Evidence:
    """Plain lists, so that a test can plant mistakes in them.

    `journal`: events in order of position, each with `shard`; `views`: by id; `statuses`: what a
    `read_committed` reader sees, in order of each partition, each with `partition`; `effects`: lines of the
    sink; `letters`: records that were refused, by value; `intake`: all records of the intake topics, each with
    `topic`, `partition`, `offset` and `payload`; `traces(values)`: where what was lost is still to be seen;
    `stock`: None, or what `ledger` compares with `reservations` and `prepared`.
    """

    def __init__(self):
        self.journal, self.views, self.statuses, self.effects = [], {}, [], []
        self.letters, self.running_shards, self.intake = [], None, []
        self.traces = None
        self.stock, self.reservations, self.prepared = None, [], []


def id_of(thing):
    return thing.get("taskId") or thing.get("orderId")


def read_journal(shards, options, environment=None, binary=BINARY):
    """By `orrery journal`, straight from the store."""
    events = []
    for shard in range(shards):
        status, text = run(binary, "journal", "--shard", shard, "--shards", shards, *options,
                           environment=environment)
        if status:
            raise RuntimeError(f"orrery journal: {text}")
        for line in text.splitlines():
            event = json.loads(line.partition(" ")[2])
            event["shard"] = shard
            event.setdefault("id", line.partition(" ")[0])
            events.append(event)
    return events


def read_views(call):
    """All orders and tasks by the API of one node; `call(path)` gives status and JSON."""
    views = {}
    for kind in ("orders", "tasks"):
        cursor = ""
        while True:
            code, page = call(f"/api/{kind}?limit=1000{cursor}")
            if code != 200:
                raise RuntimeError(f"/api/{kind}: {code} {page}")
            views.update((id_of(view), view) for view in page["items"])
            if not page["next"]:
                break
            cursor = f"&cursor={page['next']}"
    return views


def read_stock(call, sql):
    """Products by the API, reservations and what is prepared by SQL of the stock's own database."""
    code, page = call("/api/products?limit=1000")
    if code != 200:
        raise RuntimeError(f"/api/products: {code} {page}")
    return ({one["product"]: one for one in page["items"]},
            [tuple(row) for row in sql("select task, order_id, product, quantity, state from stock_reservations")],
            [row[0] for row in sql("select gid from pg_prepared_xacts where database = current_database()")])


def read_letters(sql):
    """Values of the dead letters that are text."""
    rows = sql("select convert_from(value, 'SQL_ASCII') from dead_letters")
    return [row[0] for row in rows]
