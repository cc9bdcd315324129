"""What the browser tests share: patience for a machine with two busy cores."""

from playwright.sync_api import expect

expect.set_options(timeout=20_000)  # milliseconds until something must show; never what a test measures
