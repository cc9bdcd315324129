"""The dialects in which cities publish their places; each module here is one and is found by being there.

The rule: a dialect only completes an Entry from what its layout means; reading cells and building stay in common.
"""
