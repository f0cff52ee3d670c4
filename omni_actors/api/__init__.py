"""The door: HTTP in, HTTP out, no decisions.

`app.build_app` puts the pieces together: the hook door in front, and behind it the Quart-Trio
application whose routes, decoding, answers and OpenAPI document all come from one table of routes.
This room knows the model and the gateway's facade, and nothing behind it.
"""
