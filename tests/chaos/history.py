"""What a client outside the cluster saw.

An operation has one of three results. `ok`: the system said yes. `fail`: it is certain that nothing was
done. `unknown`: anything else; a timeout and a broken connection are never `fail`.
"""
import http.client
import json
import threading
import time


class Operation:
    """One call of a client; times are seconds of the client's own steady clock."""

    __slots__ = ("client", "kind", "value", "id", "invoked", "returned", "result", "code", "answer",
                 "note")

    def __init__(self, client, kind, value="", entity=None, note=None):
        self.client, self.kind, self.value, self.id = client, kind, value, entity
        self.invoked = self.returned = None
        self.result, self.code, self.answer, self.note = "unknown", None, {}, note or {}

    def as_dict(self):
        return {name: getattr(self, name) for name in self.__slots__}

    @staticmethod
    def from_dict(fields):
        operation = Operation(None, None)
        for name, value in fields.items():
            setattr(operation, name, value)
        return operation


class History:
    """Thread-safe. With a file, every operation is a line of it before anybody sees the answer."""

    def __init__(self, file=None):
        self.operations = []
        self.guard = threading.Lock()
        self.file = open(file, "a", encoding="utf-8") if file else None

    def add(self, operation):
        with self.guard:
            self.operations.append(operation)
            if self.file:
                self.file.write(json.dumps(operation.as_dict()) + "\n")
                self.file.flush()

    def close(self):
        if self.file:
            self.file.close()

    def count(self, result=None):
        with self.guard:
            return sum(result in (None, one.result) for one in self.operations)

    @staticmethod
    def read(file):
        history = History()
        with open(file, encoding="utf-8") as lines:
            history.operations = [Operation.from_dict(json.loads(line)) for line in lines]
        return history


class Caller:
    """One client with one connection at a time, to whichever of the addresses it is told."""

    def __init__(self, name, history, timeout=10.0):
        self.name, self.history, self.timeout = name, history, timeout
        self.address = self.connection = None

    def call(self, operation, address, path, body=None, headers=None):
        """Does it, notes it, and gives it back with its result."""
        operation.client = self.name
        operation.invoked = time.monotonic()
        try:
            self.ask(operation, address, path, body, headers or {})
        finally:
            operation.returned = time.monotonic()
            self.history.add(operation)
        return operation

    def ask(self, operation, address, path, body, headers):
        try:
            self.connect(address)
        except OSError as refused:
            operation.result, operation.answer = "fail", {"error": repr(refused)}  # never sent
            return
        try:
            data = None if body is None else json.dumps(body).encode()
            self.connection.request("GET" if data is None else "POST", path, data,
                                    {"Content-Type": "application/json"} | headers)
            answer = self.connection.getresponse()
            text = answer.read()
            operation.code = answer.status
            operation.answer = json.loads(text) if text else {}
            operation.result = self.judge(answer.status, operation.answer)
        except (OSError, http.client.HTTPException, ValueError) as broken:
            operation.result, operation.answer = "unknown", {"error": repr(broken)}
            self.close()

    @staticmethod
    def judge(code, answer):
        if code < 300:
            return "ok"
        # 500 and 504 say nothing, and neither does a 503 of type in_doubt. Other refusals are certain.
        doubt = code in (500, 502, 504) or str(answer.get("type", "")).endswith("in_doubt")
        return "unknown" if doubt else "fail"

    def connect(self, address):
        if self.connection is not None and self.address == address and self.connection.sock:
            return
        self.close()
        self.connection = http.client.HTTPConnection(address, timeout=self.timeout)
        self.connection.connect()
        self.address = address

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None
