"""An issuer and a rail that share nothing with the library: written from docs/issuers.md and the
profile `beehive` alone, on Python's own HTTP server. Prints its port, then serves until it is ended.

    python3 peer.py '{"chunked": false, "trouble": false, "call_back": true}'

POST /open/order/create, /open/order/query   the issuer: JSON, MD5 over sorted names and values
POST /pay                                    the rail: lines of text
POST /callbacks                              where results are brought: a URL
GET /books                                   what was debited, paid and brought
"""

import hashlib
import json
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "hive-key-4711"
APP = "hive-app"
HOW = json.loads(sys.argv[1])
LOCK = threading.Lock()
ORDERS = {}  # reference -> what became of it
CARDS = {}  # card -> references that debited it
PAID = {}  # reference -> how often money moved
COUNTS = {}
TO = [None]


def count(what):
    with LOCK:
        COUNTS[what] = COUNTS.get(what, 0) + 1
        return COUNTS[what]


def text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def signature(fields, left_out=()):
    names = sorted(name for name in fields if name != "sign" and name not in left_out)
    run = "".join(name + text(fields[name]) for name in names)
    return hashlib.md5((run + text(fields["timestamp"]) + KEY).encode()).hexdigest()


def order(asked):
    """Debits once for each reference, and no card twice."""
    reference, card = asked["out_order_id"], asked["card_no"]
    with LOCK:
        if reference in ORDERS:
            COUNTS["repeats"] = COUNTS.get("repeats", 0) + 1
            return ORDERS[reference], False
        good = asked["card_pwd"] != "000000" and card not in CARDS
        made = {
            "out_order_id": reference,
            "order_id": "H%06d" % len(ORDERS),
            "money": asked["face_val"] if good else "0.00",
            "card_no": card,
            "status": 9 if good else 8,
        }
        ORDERS[reference] = made
        if good:
            CARDS.setdefault(card, []).append(reference)
        return made, True


def post(body):
    # What comes piece by piece is sent in chunks.
    data = iter([body[:20], body[20:]]) if HOW.get("call_back_chunked") else body
    request = urllib.request.Request(
        TO[0] + "/callback/beehive", data=data, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def call_back(made):
    time.sleep(0.25)
    said = dict(made, app_key=APP, timestamp=text(int(time.time())))
    said["sign"] = signature(said)
    true = json.dumps(said).encode()
    forged = json.dumps(dict(said, money="9" + said["money"])).encode()
    for spoilt in (forged, true[: len(true) // 2]):
        status, _ = post(spoilt)
        count("refused" if status == 400 else "believed")
    for again in ("acknowledged", "acknowledged again"):
        for _ in range(20):
            status, answer = post(true)
            if status == 200 and answer == b"SUCCESS":
                count(again)
                break
            time.sleep(0.2)


class Peer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if HOW.get("chunked"):
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for at in range(0, len(body), 7):
                part = body[at : at + 7]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def do_GET(self):
        with LOCK:
            books = {
                "debited": {reference: made["card_no"] for reference, made in ORDERS.items() if made["status"] == 9},
                "cards": {card: len(references) for card, references in CARDS.items()},
                "paid": PAID,
                "counts": COUNTS,
            }
            body = json.dumps(books).encode()
        self.answer(200, body)

    def do_POST(self):
        count("connections" if not hasattr(self, "known") else "kept")
        self.known = True
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/callbacks":
            TO[0] = body.decode()
            return self.answer(200, b"")
        if self.path == "/pay":
            return self.pay(body.decode())
        try:
            asked = json.loads(body)
            right = asked["sign"] == signature(asked, ("timestamp",)) and asked["app_key"] == APP
            right = right and abs(int(asked["timestamp"]) - time.time()) <= 30
        except (ValueError, KeyError):
            right = False
        if not right:
            count("unsigned")
            return self.answer(200, b'{"code": 10003, "msg": "sign"}')
        if self.path == "/open/order/create":
            return self.create(asked)
        if self.path == "/open/order/query":
            made = ORDERS.get(asked["out_order_id"])
            said = {"code": 10404} if made is None else {"code": 0, "data": made}
            return self.answer(200, json.dumps(said).encode())
        self.answer(404, b"")

    def create(self, asked):
        number = count("creates")
        trouble = number % 6 if HOW.get("trouble") else None
        if trouble == 1:
            # Nothing is done, and the line ends.
            self.close_connection = True
            return None
        made, new = order(asked)
        if new and HOW.get("call_back"):
            threading.Thread(target=call_back, args=(made,), daemon=True).start()
        if trouble == 2:
            self.close_connection = True
            return None
        if trouble == 3:
            return self.answer(500, b"<html>Internal Server Error</html>", "text/html")
        if trouble == 4:
            time.sleep(1.0)
        said = {"code": 0, "data": {"out_order_id": made["out_order_id"], "order_id": made["order_id"]}}
        return self.answer(200, json.dumps(said).encode())

    def pay(self, lines):
        number = count("pays")
        said = []
        for line in lines.splitlines():
            reference, kind, _payee, minor, currency = line.split(" ")[:5]
            with LOCK:
                known = reference in PAID
                if kind == "pay" and not known:
                    PAID[reference] = int(minor)
            if kind == "pay" or known:
                said.append("%s %s accepted P-%s %s %s\n" % (reference, kind, reference[:8], minor, currency))
            else:
                said.append("%s %s not_found\n" % (reference, kind))
        if HOW.get("trouble") and number % 5 == 0:
            self.close_connection = True
            return None
        return self.answer(200, "".join(said).encode(), "text/plain")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        count("broken lines")


server = Server(("127.0.0.1", 0), Peer)
print(server.server_port, flush=True)
server.serve_forever()
