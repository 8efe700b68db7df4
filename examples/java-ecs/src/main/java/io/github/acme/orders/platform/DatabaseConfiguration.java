package io.github.acme.orders.platform;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.Properties;
import javax.sql.DataSource;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.datasource.AbstractDataSource;

/** Beside Spring Boot's pool: the readiness check, and what stands there without DATABASE_URL. */
@Configuration(proxyBeanMethods = false)
class DatabaseConfiguration {
  /** On a connection of its own: a service whose pool is busy is ready. */
  @Bean
  @ConditionalOnBooleanProperty("service.database")
  HealthIndicator database(DataSource pool) throws SQLException {
    var config = new HikariConfig();
    pool.unwrap(HikariDataSource.class).copyStateTo(config);
    config.setPoolName("readiness");
    config.setMaximumPoolSize(1);
    config.setMinimumIdle(1);
    config.setConnectionTimeout(1900); // a little less than the check's
    config.setMetricsTrackerFactory(null);
    var properties = new Properties();
    properties.putAll(config.getDataSourceProperties());
    properties.put("connectTimeout", "1");
    properties.put("loginTimeout", "2");
    config.setDataSourceProperties(properties);
    var own = new HikariDataSource(config); // connects at once, beside the rest of the start
    return () -> {
      try (var connection = own.getConnection()) {
        return connection.isValid(1) ? Health.up().build() : Health.down().build();
      } catch (SQLException e) {
        return Health.down(e.getCause() instanceof Exception cause ? cause : e).build();
      }
    };
  }

  /** Each route that needs the database answers 503. */
  @Bean
  @ConditionalOnBooleanProperty(name = "service.database", havingValue = false)
  DataSource noDatabase() {
    return new AbstractDataSource() {
      @Override
      public Connection getConnection() throws SQLException {
        throw new SQLTransientConnectionException("DATABASE_URL is not set");
      }

      @Override
      public Connection getConnection(String user, String password) throws SQLException {
        return getConnection();
      }
    };
  }
}
