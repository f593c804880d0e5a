#!/usr/bin/env python3
"""Writes cards.csv, issuer-cards.csv, expected.csv and the tables in README.md beside this file.

The same bytes every time: it draws from a generator of its own, and from no clock. It refuses to
write a day that breaks one of the rules in `check` (say, an outlier that nobody meant).
"""

import csv
import datetime
import io
import math
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
LINES = 1000
ZONE = datetime.timezone(datetime.timedelta(hours=8))
START = datetime.datetime(2026, 3, 2, 8, 0, 0, tzinfo=ZONE)
COLUMNS = ["request_id", "seller_id", "product", "card_number", "card_secret", "face_value", "currency",
           "received_at", "channel", "device_id", "ip", "lat", "lon"]
ISSUER_COLUMNS = ["product", "card_number", "card_secret", "balance", "currency", "status"]

# Products with their share of the day in percent and the faces that sellers bring.
PRODUCTS = {
    "walmart-gift": (22, ["50", "100", "200"]),
    "jd-ecard": (26, ["50", "100", "200"]),
    "bank-prepaid": (14, ["100", "200", "500"]),
    "regional-market": (12, ["50", "100", "66.60"]),
    "fuel-card": (13, ["50", "100", "200"]),
    "telecom-recharge": (13, ["30", "50", "100"]),
}

CITIES = [("31.2304", "121.4737"), ("39.9042", "116.4074"), ("23.1291", "113.2644"), ("30.5728", "104.0668"),
          ("34.3416", "108.9398"), ("45.8038", "126.5350")]

BLOCKED_SELLER = "seller-66"
BLOCKED_DEVICE = "device-bad-01"

# Sellers with a long history of one product, and the line in which the history breaks.
HISTORIES = {"seller-31": ("fuel-card", range(5, 665, 18), 701), "seller-17": ("walmart-gift", range(9, 825, 24), 846)}


class Draw:
    """SplitMix64, so that no version of Python draws other numbers."""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return (z ^ (z >> 31)) % limit

    def pick(self, choices):
        return choices[self.below(len(choices))]

    def digits(self, count):
        return "".join(str(self.below(10)) for _ in range(count))


draw = Draw(20260302)


def luhn_digit(digits):
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


class Cards:
    """Makes cards that differ, also in the first 16 digits of their numbers."""

    def __init__(self):
        self.seen = set()
        self.known = []

    def new(self, product, face, status="active", balance=None, known=True):
        while True:
            number, secret = self.shape(product)
            identity = (product, number[:13] if number else secret)
            if identity not in self.seen:
                break
        self.seen.add(identity)
        if known:
            self.known.append([product, number, secret, balance or face, "CNY", status])
        return number, secret

    @staticmethod
    def shape(product):
        pin = draw.digits(6)
        if product == "walmart-gift":
            return "2326" + draw.digits(draw.pick([12, 15])), pin
        if product == "jd-ecard":
            letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
            return "", "".join(draw.pick(letters) for _ in range(16))
        if product == "bank-prepaid":
            body = "62" + draw.digits(draw.pick([13, 14, 15, 16]))
            return body + luhn_digit(body), pin
        if product == "regional-market":
            return "8" + draw.digits(draw.pick([12, 13, 15, 17])), pin
        if product == "fuel-card":
            return "1000" + draw.digits(15), draw.digits(draw.pick([6, 8, 12, 18]))
        if product == "telecom-recharge":
            return draw.digits(17), draw.digits(18)
        raise ValueError(product)


cards = Cards()


def other(secret):
    """A secret of the same shape that is wrong."""
    return secret[:-1] + str((int(secret[-1]) + 1) % 10)


def seller(index):
    return "seller-%02d" % (index + 1)


def product_for(index):
    mark = draw.below(100)
    for product, (share, _) in PRODUCTS.items():
        if mark < share:
            return product
        mark -= share
    raise ValueError(mark)


def place_of(who):
    """City, address and devices of a seller, always the same."""
    number = int(who[-2:])
    lat, lon = CITIES[number % len(CITIES)]
    ip = "2001:db8:7::%x" % number if number % 8 == 0 else "198.51.100.%d" % (number + 20)
    return lat, lon, ip, ["device-%02d%d" % (number, n) for n in range(1, 2 + number % 2)]


def line(who, product, number, secret, face, expect="retired", why=None):
    lat, lon, ip, devices = place_of(who)
    channel = draw.pick(["app", "app", "shop", "platform"])
    row = {"seller_id": who, "product": product, "card_number": number, "card_secret": secret,
           "face_value": face, "currency": "CNY", "channel": channel, "device_id": draw.pick(devices),
           "ip": ip, "lat": lat, "lon": lon}
    if channel == "platform":
        row.update(device_id="", lat="", lon="")
    if channel == "shop" and draw.below(3) == 0:
        row["channel"] = "shop, counter %d" % (1 + draw.below(4))
    return {"row": row, "expect": expect, "why": why}


def ordinary(index):
    who = seller(draw.below(48))
    product = product_for(index)
    while any(who == name and product == history[0] for name, history in HISTORIES.items()):
        product = product_for(index)
    face = draw.pick(PRODUCTS[product][1])
    number, secret = cards.new(product, face)
    if product == "jd-ecard" and draw.below(2):
        secret = grouped(secret)
    if draw.below(5) == 0 and "." not in face:
        face += ".00"
    return line(who, product, number, secret, face)


def grouped(secret):
    return "-".join(secret[at:at + 4] for at in range(0, 16, 4))


def plan():
    """The lines that are not ordinary, by their number from 1 (which is in the request id)."""
    day = {}
    blocked_cards = []

    def put(at, what, **marks):
        assert at not in day, at
        day[at] = dict(what, **marks)

    def put_near(at, what):
        while at in day:
            at += 1
        put(at, what)

    repeats(put)
    blocked(put, blocked_cards)
    trio(put)
    differing(put)
    malformed(put)
    histories(put, put_near)
    declined(put_near)
    return day, blocked_cards


def histories(put, put_near):
    for who, (product, places, breaks_at) in HISTORIES.items():
        for nth, at in enumerate(places):
            face = "100" if nth % 3 == 0 else "50"
            put_near(at, line(who, product, *cards.new(product, face), face))
        why = "1000 after more than 30 faces of 50 and 100 by %s for this product: beyond 3 sigma" % who
        put(breaks_at, line(who, product, *cards.new(product, "1000"), "1000", "in_review", why))


def declined(put):
    def card(at, product, why, status="active", known=True, wrong=False):
        face = PRODUCTS[product][1][1]
        number, secret = cards.new(product, face, status=status, known=known)
        put(at, line(seller(at % 48), product, number, other(secret) if wrong else secret, face, "declined", why))

    names = list(PRODUCTS)
    for nth in range(12):
        card(30 + nth * 77, names[nth % 6], "expired at the issuer", status="expired")
    for nth in range(10):
        card(44 + nth * 91, names[nth % 6], "the issuer knows no such card", known=False)
    numbered = [name for name in names if name != "jd-ecard"]
    for nth in range(12):
        card(56 + nth * 75, numbered[nth % 5], "wrong secret", wrong=True)
    for nth, status in enumerate(["used", "inactive", "frozen"] * 2):
        card(112 + nth * 132, names[(nth * 5 + 1) % 6], status + " at the issuer", status=status)


def repeats(put):
    """Cards that come twice, requests that come twice, and request ids with other contents."""
    pairs = [(60, 290, "walmart-gift", True), (96, 97, "bank-prepaid", False), (150, 520, "jd-ecard", False),
             (203, 640, "fuel-card", True), (310, 311, "telecom-recharge", True), (333, 912, "jd-ecard", True),
             (415, 760, "walmart-gift", False), (505, 946, "bank-prepaid", False)]
    for first, second, product, same in pairs:
        face = PRODUCTS[product][1][1]
        number, secret = cards.new(product, face)
        who = seller(first % 16)
        put(first, line(who, product, number, secret, face, why="the card comes again as %s" % request_id(second)))
        again = who if same else seller(first % 16 + 20)
        why = "the card of %s again, by %s" % (request_id(first), "the same seller" if same else "another seller")
        secret = grouped(secret) if product == "jd-ecard" else secret
        put(second, line(again, product, number, secret, face, "already_sold", why))
    resends = [(140, 141, "byte for byte"), (222, 300, "an hour later"),
               (450, 580, "later, from another address and channel")]
    for first, second, how in resends:
        face = "100"
        number, secret = cards.new("walmart-gift", face)
        what = line(seller(first % 13), "walmart-gift", number, secret, face)
        put(first, what, why="sent again in line %d" % (second + 1))
        again = dict(what, row=dict(what["row"]), why="the request of line %d again, %s: the same outcome, no money moves"
                     % (first + 1, how), resend_of=first, exact=how == "byte for byte")
        if "address" in how:
            again["row"].update(ip="203.0.113.77", channel="platform", device_id="", lat="", lon="")
        put(second, again)
    for first, second in [(170, 270), (380, 690)]:
        who = seller(first % 11)
        put(first, line(who, "jd-ecard", *cards.new("jd-ecard", "100"), "100",
                        why="its id comes back with other contents in line %d" % (second + 1)))
        put(second, line(who, "jd-ecard", *cards.new("jd-ecard", "200"), "200", "mismatch",
                         "the id of line %d with another card and face; the card is not touched" % (first + 1)),
            resend_of=first)


def blocked(put, blocked_cards):
    for at, product in [(128, "jd-ecard"), (742, "walmart-gift")]:
        put(at, line(BLOCKED_SELLER, product, *cards.new(product, "100"), "100", "blocked", "the seller is on the block list"))
    for at, product in [(265, "telecom-recharge"), (611, "fuel-card")]:
        what = line(seller(at % 48), product, *cards.new(product, "50"), "50", "blocked", "the device is on the block list")
        what["row"].update(device_id=BLOCKED_DEVICE, channel="app")
        put(at, what)
    for at, product in [(352, "walmart-gift"), (535, "bank-prepaid"), (873, "jd-ecard")]:
        number, secret = cards.new(product, "100")
        blocked_cards.append((product, number or secret))
        put(at, line(seller(at % 48), product, number, secret, "100", "blocked", "the card is on the block list"))


def trio(put):
    number, secret = cards.new("walmart-gift", "200")
    tries = [other(secret), other(other(secret)), other(other(other(secret)))]
    ends = [("declined", "wrong secret, first try of this card"), ("declined", "wrong secret, second try"),
            ("frozen", "third request for this card within 5 minutes: frozen for 24 hours")]
    for nth, (state, why) in enumerate(ends):
        put(400 + nth, line("seller-23", "walmart-gift", number, tries[nth], "200", state, why))
    put(480, line("seller-40", "walmart-gift", number, secret, "200", "frozen",
                  "the right secret for the card of %s, an hour later: still frozen" % request_id(402)))


def differing(put):
    cases = [(188, "walmart-gift", "100", "50.00"), (318, "jd-ecard", "50", "100.00"), (466, "bank-prepaid", "200", "180.50"),
             (598, "fuel-card", "100", "20.00"), (722, "telecom-recharge", "50", "30.00")]
    for at, product, face, balance in cases:
        card = cards.new(product, face, balance=balance)
        put(at, line(seller(at % 48), product, *card, face,
                     why="declared %s, but the issuer says %s: settled on what the issuer says" % (face, balance)))


def malformed(put):
    def bad(at, kind, column, expected, **changes):
        number, secret = cards.new(kind, "100", known=False)
        what = line(seller(at % 48), kind, number, secret, "100", "invalid", "%s: %s" % (column, expected))
        what["row"].update(changes)
        put(at, what)
        return what["row"]

    bad(70, "jd-ecard", "face_value", "digits, not `1e3`", face_value="1e3")
    bad(155, "walmart-gift", "face_value", "more than 0, not `-5`", face_value="-5")
    bad(240, "fuel-card", "face_value", "at most 2 decimals, not `0.001`", face_value="0.001")
    bad(330, "bank-prepaid", "face_value", "an amount that fits, not `99999999999999999999`", face_value="9" * 20)
    bad(420, "jd-ecard", "currency", "an ISO 4217 code, not `RMB`", currency="RMB")
    row = bad(510, "walmart-gift", "card_number", "16 or 19 digits, found 15")
    row["card_number"] = row["card_number"][:15]
    row = bad(555, "bank-prepaid", "card_number", "a right check digit (Luhn)")
    row["card_number"] = other(row["card_number"])
    bad(630, "telecom-recharge", "card_secret", "a value, it is empty", card_secret="")
    bad(675, "regional-market", "the line", "13 fields, found 12", cut=1)
    bad(735, "jd-ecard", "received_at", "a day that exists, not 30 February", received_at="2026-02-30T12:00:00+08:00")
    bad(790, "walmart-gift", "product", "a product of the catalogue, not `coffee-gift`", product="coffee-gift")
    bad(888, "fuel-card", "the line", "a closing quote", open_quote=1)


def request_id(at):
    return "R-0302-%04d" % at


def times():
    now, all_times = START, []
    for _ in range(LINES):
        now += datetime.timedelta(seconds=20 + draw.below(60))
        all_times.append(now)
    return all_times


def written(at, time):
    """Mostly with the offset of the shop, now and then in another form that is allowed."""
    utc = time.astimezone(datetime.timezone.utc)
    if at % 211 == 0:
        return str(int(utc.timestamp()) * 1000)
    if at % 97 == 0:
        return utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    if at % 83 == 0:
        return utc.strftime("%Y-%m-%d %H:%M:%S.250")
    return time.strftime("%Y-%m-%dT%H:%M:%S+08:00")


def build():
    special, blocked_cards = plan()
    day = [special.get(at) or ordinary(at) for at in range(1, LINES + 1)]
    for at, (what, time) in enumerate(zip(day, times()), 1):
        row = what["row"]
        origin = what.get("resend_of")
        what["time"] = day[origin - 1]["time"] if what.get("exact") else time
        row["request_id"] = request_id(origin or at)
        row.setdefault("received_at", written(at, time))
        if what.get("exact"):
            row["received_at"] = day[origin - 1]["row"]["received_at"]
    return day, blocked_cards


def check(day):
    """What must hold so that the table in README.md is true."""
    assert len(day) == LINES
    assert all(a["time"] <= b["time"] for a, b in zip(day, day[1:])), "times ascend"
    for counted in [lambda what: True, lambda what: what["expect"] != "invalid"]:
        faces, sightings = {}, {}
        for what in day:
            row = what["row"]
            if not counted(what) or not re.fullmatch(r"\d{1,9}(\.\d\d)?", row["face_value"]):
                continue
            face = float(row["face_value"])
            history = faces.setdefault((row["seller_id"], row["product"]), [])
            meant = "sigma" in (what["why"] or "")
            assert is_outlier(history, face) == meant, (row, history)
            if not what.get("resend_of"):
                history.append(face)
            identity = row["card_number"] or row["card_secret"].replace("-", "")
            seen = sightings.setdefault((row["product"], identity), {})
            seen.setdefault(row["request_id"], what["time"])
            near = [time for time in seen.values() if (what["time"] - time).total_seconds() <= 330]
            assert (len(near) >= 3) == ("third request" in (what["why"] or "")), row


def is_outlier(history, face):
    if len(history) < 30 or len(set(history)) == 1:
        return False
    mean = sum(history) / len(history)
    sigma = math.sqrt(sum((x - mean) ** 2 for x in history) / len(history))
    # Far from the line on either side, so that no rounding or kind of sigma decides.
    distance = abs(face - mean) / sigma
    assert distance < 2.7 or distance > 10, (history, face)
    return distance > 10


def csv_line(fields):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(fields)
    return out.getvalue()


def cards_csv(day):
    text = csv_line(COLUMNS)
    for what in day:
        row = what["row"]
        fields = [row[column] for column in COLUMNS]
        if row.get("cut"):
            fields.pop()
        written_line = csv_line(fields)
        if row.get("open_quote"):
            written_line = written_line.replace(row["seller_id"], '"' + row["seller_id"], 1).replace('"shop', "shop")
        text += written_line
    return text


def issuer_csv():
    for product, (_, faces) in PRODUCTS.items():
        for _ in range(4):
            cards.new(product, faces[0], status="inactive")
    rows = sorted(cards.known)
    return csv_line(ISSUER_COLUMNS) + "".join(csv_line(row) for row in rows)


def expected_csv(day):
    text = csv_line(["line", "request_id", "state"])
    for at, what in enumerate(day, 1):
        row = what["row"]
        unread = row.get("cut") or row.get("open_quote")
        text += csv_line([at + 1, "" if unread else row["request_id"], what["expect"]])
    return text


def readme_tables(day, blocked_cards):
    counts = {}
    for what in day:
        counts[what["expect"]] = counts.get(what["expect"], 0) + 1
    text = "| state | lines |\n|---|---|\n"
    text += "".join("| `%s` | %d |\n" % (state, counts[state]) for state in sorted(counts, key=counts.get, reverse=True))
    text += "\nOn the block list of the policy: seller `%s`, device `%s`, and these cards:\n\n" % (BLOCKED_SELLER, BLOCKED_DEVICE)
    text += "".join("- `%s` `%s`\n" % card for card in blocked_cards)
    text += "\n| request id | line | product | state | why |\n|---|---|---|---|---|\n"
    for at, what in enumerate(day, 1):
        if what["why"]:
            row = what["row"]
            text += "| %s | %d | %s | `%s` | %s |\n" % (row["request_id"], at + 1, row["product"], what["expect"], what["why"])
    return text


def main():
    day, blocked_cards = build()
    check(day)
    files = {"cards.csv": cards_csv(day), "issuer-cards.csv": issuer_csv(), "expected.csv": expected_csv(day)}
    with open(os.path.join(HERE, "README.md"), encoding="utf-8", newline="") as readme:
        head, mark, _ = readme.read().partition("<!-- written by generate.py from here on -->\n")
    files["README.md"] = head + mark + "\n" + readme_tables(day, blocked_cards)
    for name, text in files.items():
        with open(os.path.join(HERE, name), "w", encoding="utf-8", newline="") as file:
            file.write(text)


if __name__ == "__main__":
    main()
