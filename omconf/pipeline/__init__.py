"""The rooms put together, one module a verb. Nothing else joins them."""
