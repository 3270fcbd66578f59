"""The HTTP server that ``restore-point serve`` and containers start: functions-framework's application, under a gunicorn of ours.

functions-framework's own start gives its thread to every connection: eight that send a byte now and then are all threads, and
nothing limits a request line. Here a request has a thread when it is whole, and what does not arrive in time is cut (``worker``).
This package alone imports gunicorn and functions-framework.
"""
