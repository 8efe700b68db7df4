package io.github.acme.orders.platform;

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
          .properties()
          .run("--spring.flyway.enabled=true")
          .close();
      return true;
    } catch (RuntimeException e) {
      log.atError().setCause(e).log("migration failed");
      return false;
    }
  }

  @Bean
  FlywayMigrationStrategy strategy() {
    return flyway -> {
      var applied = flyway.migrate().migrationsExecuted;
      log.atInfo().addKeyValue("applied", applied).log("migrated");
    };
  }
}
