"""Prints "PASSED FAILED" of one result file: count.py catch|junit|tap FILE."""

import re
import sys
import xml.etree.ElementTree as tree


def catch(text):
    """Catch2's XML report; a program that died before its end counts as one failure."""
    try:
        cases = tree.fromstring(text).find("OverallResultsCases").attrib
        return int(cases["successes"]) + int(cases.get("expectedFailures", 0)), int(cases["failures"])
    except (tree.ParseError, AttributeError):
        return 0, 1


def junit(text):
    passed = failed = 0
    try:
        for suite in tree.fromstring(text).iter("testsuite"):
            bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            failed += bad
            passed += int(suite.get("tests", 0)) - bad - int(suite.get("skipped", 0))
    except tree.ParseError:
        failed += 1
    return passed, failed


def tap(text):
    def total(word):
        found = re.findall(rf"^# {word} (\d+)$", text, re.MULTILINE)
        return int(found[-1]) if found else None
    if total("pass") is None:
        return 0, 1
    return total("pass"), (total("fail") or 0) + (total("cancelled") or 0)


if __name__ == "__main__":
    kind, path = sys.argv[1:]
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            content = file.read()
    except OSError:
        content = ""
    print(*{"catch": catch, "junit": junit, "tap": tap}[kind](content))
