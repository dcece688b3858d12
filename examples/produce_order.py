#!/usr/bin/env python3
"""A producer that knows nothing of Orrery but the topic: puts one order into order_topic.

Needs kafka-python-ng. Usage: produce_order.py [--broker 127.0.0.1:29092] [--topic order_topic]
       [--count 1] [--product Laptop] [--quantity 1] [--id TEXT]
"""
import argparse
import json

from kafka import KafkaProducer


def main():
    options = argparse.ArgumentParser(description="Puts orders into order_topic.")
    options.add_argument("--broker", default="127.0.0.1:29092")
    options.add_argument("--topic", default="order_topic")
    options.add_argument("--product", default="Laptop")
    options.add_argument("--quantity", type=int, default=1)
    options.add_argument("--count", type=int, default=1)
    options.add_argument("--id", help="your own number of the order; sent again, it is the same order")
    wish = options.parse_args()

    order = {"product": wish.product, "quantity": wish.quantity}
    if wish.id:
        order["orderId"] = wish.id
    # As Kafka's own client: a new topic, or one that changes its leader, is waited for.
    producer = KafkaProducer(bootstrap_servers=wish.broker, acks="all", retries=300,
                             key_serializer=lambda text: text.encode() if text else None,
                             value_serializer=lambda value: json.dumps(value).encode())
    sent = [producer.send(wish.topic, key=wish.id, value=order) for _ in range(wish.count)]
    for place in (record.get(timeout=30) for record in sent):
        print(f"{place.topic} partition {place.partition} offset {place.offset}")
    producer.close()


if __name__ == "__main__":
    main()
