"""What libraries and images say of the services that a service needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .finding import Finding, Rank

# Service to the libraries that are its drivers, by language; of Java, patterns for the text of a build file.
DRIVERS: dict[str, dict[str, tuple[str, ...]]] = {
    "python": {
        "postgres": ("psycopg2", "psycopg2-binary", "psycopg", "asyncpg", "pg8000"),
        "mysql": ("mysqlclient", "pymysql", "aiomysql", "mysql-connector-python"),
        "redis": ("redis", "django-redis", "aioredis"),
        "mongodb": ("pymongo", "motor", "mongoengine"),
        "rabbitmq": ("pika", "aio-pika"),
    },
    "node": {
        "postgres": ("pg", "postgres", "pg-promise"),
        "mysql": ("mysql", "mysql2", "mariadb"),
        "redis": ("redis", "ioredis"),
        "mongodb": ("mongodb", "mongoose"),
        "rabbitmq": ("amqplib",),
        "kafka": ("kafkajs",),
    },
    "go": {
        "postgres": ("github.com/lib/pq", "github.com/jackc/pgx", "gorm.io/driver/postgres"),
        "mysql": ("github.com/go-sql-driver/mysql", "gorm.io/driver/mysql"),
        "redis": ("github.com/redis/go-redis", "github.com/go-redis/redis", "github.com/gomodule/redigo"),
        "mongodb": ("go.mongodb.org/mongo-driver",),
        "rabbitmq": ("github.com/rabbitmq/amqp091-go", "github.com/streadway/amqp"),
        "kafka": ("github.com/segmentio/kafka-go", "github.com/IBM/sarama"),
    },
    "rust": {
        "postgres": ("tokio-postgres", "postgres", "deadpool-postgres"),
        "redis": ("redis", "fred", "deadpool-redis"),
        "mongodb": ("mongodb",),
        "rabbitmq": ("lapin",),
        "kafka": ("rdkafka",),
    },
    "java": {
        "postgres": ("postgresql",),
        "mysql": ("mysql-connector", "mariadb-java-client"),
        "redis": ("data-redis", "jedis", "lettuce"),
        "mongodb": ("data-mongodb", "mongodb-driver"),
        "rabbitmq": ("starter-amqp",),
        "kafka": ("spring-kafka", "kafka-clients"),
    },
}
# Of the name of an image, for what a Compose file runs beside the service.
IMAGES = {
    "postgres": r"(?:^|/)(?:postgres|postgresql|postgis|timescaledb|pgvector)\b",
    "mysql": r"(?:^|/)(?:mysql|mariadb|percona)\b",
    "redis": r"(?:^|/)(?:redis|valkey|keydb|redis-stack)\b",
    "mongodb": r"(?:^|/)(?:mongo|mongodb)\b",
    "rabbitmq": r"(?:^|/)rabbitmq\b",
    "kafka": r"(?:^|/)(?:kafka|cp-kafka|redpanda)\b",
    "elasticsearch": r"(?:^|/)(?:elasticsearch|opensearch)\b",
}


def needs(language: str, place: Callable[[str], tuple[str, int] | None]) -> Iterator[Finding]:
    """A guess for each service whose driver is installed; `place` says where a library is named, or None."""
    for service, drivers in DRIVERS[language].items():
        found = next((there for driver in drivers if (there := place(driver))), None)
        if found:
            yield Finding("needs", service, *found, "guess", Rank.MANIFEST, "a driver is installed")
