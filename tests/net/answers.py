#!/usr/bin/python3
"""Checks the answers of kumo-redirect that are for machines.

answers.py schema SCHEMA FILE   FILE is valid against SCHEMA, and SCHEMA itself against its own
answers.py tap FILE             a plan and as many lines, each ok or not ok; prints how many are not
answers.py junit FILE           well-formed, counts as they say; prints failures and errors
answers.py hash FILE            the evidence's plan_sha256 is that of its plan
Prints what is wrong and exits 1.
"""
import hashlib
import json
import re
import sys
import xml.etree.ElementTree as xml

import jsonschema


def schema(schema_file, file):
    with open(schema_file) as s, open(file) as f:
        rules, answer = json.load(s), json.load(f)
    jsonschema.Draft202012Validator.check_schema(rules)
    errors = list(jsonschema.Draft202012Validator(rules).iter_errors(answer))
    for e in errors[:5]:
        print("/".join(map(str, e.absolute_path)), e.message)
    return not errors


def tap(file):
    with open(file) as f:
        lines = f.read().splitlines()
    plan = [int(x[3:]) for x in lines if x.startswith("1..")]
    tests = [x for x in lines if re.match(r"(not )?ok \d+ - ", x)]
    numbers = [int(re.search(r"\d+", x).group()) for x in tests]
    print(sum(x.startswith("not") for x in tests))
    return lines[0] == "TAP version 13" and plan == [len(tests)] and numbers == list(range(1, len(tests) + 1))


def junit(file):
    suite = xml.parse(file).getroot().find("testsuite")
    cases = suite.findall("testcase")
    count = {k: sum(c.find(k) is not None for c in cases) for k in ("failure", "error", "skipped")}
    said = {"failure": "failures", "error": "errors", "skipped": "skipped"}
    print(count["failure"], count["error"])
    return int(suite.get("tests")) == len(cases) and all(int(suite.get(said[k])) == n for k, n in count.items())


def plan_hash(file):
    with open(file) as f:
        record = json.load(f)
    text = json.dumps(record["plan"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest() == record["plan_sha256"]


sys.exit(0 if {"schema": schema, "tap": tap, "junit": junit, "hash": plan_hash}[sys.argv[1]](*sys.argv[2:]) else 1)
