package io.github.acme.orders.platform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DatabaseSettingsTest {
  @ParameterizedTest
  @CsvSource({
    "postgresql://app@db:5433/orders, jdbc:postgresql://db:5433/orders?sslmode=prefer",
    "postgres://app@db/orders, jdbc:postgresql://db:5432/orders?sslmode=prefer",
    "postgresql://app@[::1]/a, jdbc:postgresql://[::1]:5432/a?sslmode=prefer",
    "postgresql://app@db/a?sslmode=require, jdbc:postgresql://db:5432/a?sslmode=require",
  })
  void turnsDatabaseUrlIntoJdbc(String url, String expected) {
    assertThat(DatabaseSettings.from(Map.of("DATABASE_URL", url)))
        .containsEntry("spring.datasource.url", expected);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mysql://app@db/orders",
        "postgresql://db/orders",
        "postgresql://app@db",
        "postgresql://app:secret@db/orders",
        "postgresql://app@db/orders?password=secret",
        "postgresql://app@db/orders?sslmode=maybe",
        "postgresql://app@db/orders?sslrootcert=/does/not/exist&sslmode=verify-full",
        "postgresql://app@db/orders?sslrootcert=/",
        "not a url",
      })
  void refusesWithoutTellingTheValue(String url) {
    assertThatExceptionOfType(SettingException.class)
        .isThrownBy(() -> DatabaseSettings.from(Map.of("DATABASE_URL", url)))
        .withMessageStartingWith("DATABASE_URL: expected ")
        .withMessageNotContaining(url);
  }
}
