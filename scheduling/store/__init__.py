"""Access to Redis: one interface, a batched gevent transport for web, a plain one for workers."""
