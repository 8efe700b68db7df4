package app;

import java.sql.SQLException;
import javax.sql.DataSource;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.stereotype.Component;

@Component
@ConditionalOnProperty("spring.datasource.url")
class DatabaseCheck implements Check {
  private final DataSource database;

  DatabaseCheck(DataSource database) {
    this.database = database;
  }

  @Override
  public String name() {
    return "database";
  }

  @Override
  public void run() throws SQLException {
    try (var connection = database.getConnection()) {
      if (!connection.isValid(1)) {
        throw new SQLException("the connection is not valid");
      }
    }
  }
}
