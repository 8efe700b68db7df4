package io.github.acme.orders.platform;

import java.util.UUID;
import org.flywaydb.core.Flyway;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;

/** A test on a real database, in a schema of its own that is made, migrated and dropped. */
@SpringBootTest(
    webEnvironment = WebEnvironment.RANDOM_PORT,
    properties = {"spring.flyway.enabled=true", "spring.flyway.clean-disabled=false"})
@ExtendWith(DatabaseTest.Condition.class)
@TestInstance(Lifecycle.PER_CLASS)
public abstract class DatabaseTest {
  /** JUnit's own EnabledIfEnvironmentVariable would not hold for subclasses. */
  static final class Condition implements ExecutionCondition {
    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
      return System.getenv().getOrDefault("DATABASE_URL", "").isEmpty()
          ? ConditionEvaluationResult.disabled("DATABASE_URL is not set")
          : ConditionEvaluationResult.enabled("DATABASE_URL is set");
    }
  }

  @Autowired private Flyway flyway;

  @DynamicPropertySource
  static void schema(DynamicPropertyRegistry properties) {
    var schema = "test_" + UUID.randomUUID().toString().replace("-", "");
    properties.add("spring.flyway.default-schema", () -> schema);
    properties.add("spring.datasource.hikari.schema", () -> schema);
  }

  @AfterAll
  void drop() {
    flyway.clean();
  }
}
