import os

import redis
from pydantic_settings import BaseSettings
from redis import Redis

# ruleid: llm-hardcoded-redis-port
REDIS_PORT = 6379
# ruleid: llm-hardcoded-redis-port
URL = "redis://localhost:6379/0"


class Settings(BaseSettings):
    # ok: llm-hardcoded-redis-port
    redis_port: int = 6379
    # ok: llm-hardcoded-redis-port
    redis_url: str = "redis://localhost:6379"


def run(settings):
    # ruleid: llm-hardcoded-redis-port
    redis.Redis(host="localhost", port=6379)
    # ruleid: llm-hardcoded-redis-port
    Redis("localhost", 6379)
    # ruleid: llm-hardcoded-redis-port
    redis.from_url("rediss://:secret@cache.internal:6379/1")
    # ok: llm-hardcoded-redis-port
    redis.Redis(host=settings.host, port=settings.port)
    # ok: llm-hardcoded-redis-port
    redis.from_url(os.environ.get("REDIS_URL", "redis://localhost:6379"))
    # ok: llm-hardcoded-redis-port
    port = int(os.getenv("REDIS_PORT", "6379"))
    # ok: llm-hardcoded-redis-port
    items = range(6379)
    # ok: llm-hardcoded-redis-port
    redis.from_url("redis://localhost")
