"""The golden journeys: what a site owner, an analyst, a support agent and a developer came for, step by step."""
