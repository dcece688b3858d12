#!/usr/bin/env python3
"""A consumer that knows nothing of Orrery but the topics: prints status events as they come.

Needs kafka-python-ng. Usage: watch_statuses.py [--broker 127.0.0.1:29092] [--from-beginning]
       [--topic order_status_topic …] [--count N] [--seconds N]
"""
import argparse
import json
import sys

from kafka import KafkaConsumer


def main():
    options = argparse.ArgumentParser(description="Prints status events.")
    options.add_argument("--broker", default="127.0.0.1:29092")
    options.add_argument("--topic", action="append",
                         help="default: order_status_topic and task_status_topic")
    options.add_argument("--from-beginning", action="store_true")
    options.add_argument("--count", type=int, default=0, help="end after so many; 0 = go on")
    options.add_argument("--seconds", type=float, default=0, help="end after so long without an event")
    wish = options.parse_args()

    consumer = KafkaConsumer(
        *(wish.topic or ["order_status_topic", "task_status_topic"]),
        bootstrap_servers=wish.broker,
        auto_offset_reset="earliest" if wish.from_beginning else "latest",
        consumer_timeout_ms=wish.seconds * 1000 if wish.seconds else float("inf"))
    seen = 0
    try:
        for record in consumer:
            event = json.loads(record.value)
            name = event.get("orderId") or event.get("taskId")
            print(f"{event['at']}  {name}  {event.get('previousStatus') or '-'} -> {event['status']}",
                  flush=True)
            seen += 1
            if seen == wish.count:
                break
    except KeyboardInterrupt:
        pass
    consumer.close()
    return 0 if seen >= wish.count else 1


if __name__ == "__main__":
    sys.exit(main())
