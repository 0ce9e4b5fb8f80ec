"""Runs the test cases of a file and closes with one plain line."""

import sys
import unittest


def run(name):
    """Run the tests of the calling file in their order; exit non-zero if one failed or none ran."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    result = unittest.TextTestRunner(verbosity=2, descriptions=False).run(suite)
    failed = len(result.failures) + len(result.errors)
    # A fixture that fails counts as an error without a test having run.
    passed = max(0, result.testsRun - failed)
    print(f"{name}: {passed} passed, {failed} failed", flush=True)
    sys.exit(0 if failed == 0 and passed > 0 else 1)
