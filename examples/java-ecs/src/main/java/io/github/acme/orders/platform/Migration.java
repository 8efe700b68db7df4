package io.github.acme.orders.platform;

import java.sql.SQLException;
import java.time.Duration;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.flyway.autoconfigure.FlywayAutoConfiguration;
import org.springframework.boot.flyway.autoconfigure.FlywayMigrationStrategy;
import org.springframework.boot.jdbc.autoconfigure.DataSourceAutoConfiguration;
import org.springframework.context.annotation.Bean;

/** The command `migrate`: applies what the database lacks of `db/migration`. */
@ImportAutoConfiguration({DataSourceAutoConfiguration.class, FlywayAutoConfiguration.class})
class Migration {
  private static final Logger log = LoggerFactory.getLogger(Migration.class);

  static boolean run() {
    if (Settings.value(System.getenv(), "DATABASE_URL").isEmpty()) {
      throw new SettingException("DATABASE_URL", "the database to migrate");
    }
    try {
      new SpringApplicationBuilder(Migration.class)
          .web(WebApplicationType.NONE)
          .registerShutdownHook(false)
          .run(
              "--spring.flyway.enabled=true",
              // A migration may take its time.
              "--spring.datasource.hikari.data-source-properties.socketTimeout=0",
              // Its reason is in our own line.
              "--logging.level.org.springframework.boot.SpringApplication=off")
          .close();
      return true;
    } catch (RuntimeException e) {
      log.atError().setCause(e).log("migration failed");
      return false;
    }
  }

  @Bean
  FlywayMigrationStrategy strategy(DataSource database) {
    return flyway -> {
      await(database);
      var applied = flyway.migrate().migrationsExecuted;
      log.atInfo().addKeyValue("applied", applied).log("migrated");
    };
  }

  /** A database that has just been started may need a while. */
  private static void await(DataSource database) {
    long end = System.nanoTime() + Duration.ofSeconds(25).toNanos(); // the last try has 5 s
    while (true) {
      try (var _ = database.getConnection()) {
        return;
      } catch (SQLException e) {
        if (System.nanoTime() > end) {
          throw new IllegalStateException("the database does not answer", e);
        }
      }
    }
  }
}
