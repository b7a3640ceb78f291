"""Watches a release after it went out: has the text that arrives changed?"""
