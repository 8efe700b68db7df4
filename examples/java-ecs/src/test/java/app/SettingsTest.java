package app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SettingsTest {
  @TempDir Path folder;

  @Test
  void hasDefaults() {
    var settings = Settings.from(Map.of("PORT", "", "LOG_LEVEL", ""));

    assertThat(settings.port()).isEqualTo(About.PORT);
    assertThat(settings.logLevel()).isEqualTo("info");
    assertThat(settings.version()).isEqualTo("dev");
    assertThat(settings.database()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "postgresql://app@db:5433/orders, jdbc:postgresql://db:5433/orders",
    "postgresql://app@db/orders, jdbc:postgresql://db:5432/orders",
    "postgresql://app@db/a?sslmode=require, jdbc:postgresql://db:5432/a?sslmode=require",
  })
  void turnsDatabaseUrlIntoJdbc(String url, String expected) {
    var settings = Settings.from(Map.of("DATABASE_URL", url, "DATABASE_PASSWORD", "secret"));

    var database = settings.database().orElseThrow();
    assertThat(database.url()).isEqualTo(expected);
    assertThat(database.user()).isEqualTo("app");
    assertThat(database.password()).isEqualTo("secret");
    assertThat(settings.toString()).doesNotContain("secret");
  }

  @ParameterizedTest
  @CsvSource({
    "PORT, 1024",
    "PORT, 65536",
    "PORT, +8080",
    "PORT, http",
    "LOG_LEVEL, verbose",
    "DATABASE_URL, mysql://app@db/orders",
    "DATABASE_URL, postgresql://db/orders",
    "DATABASE_URL, postgresql://app@db",
    "DATABASE_URL, postgresql://app:secret@db/orders",
    "DATABASE_URL, postgresql://app@db/orders?password=secret",
    "DATABASE_URL, not a url",
  })
  void refusesWithoutTellingTheValue(String name, String value) {
    assertThatExceptionOfType(SettingException.class)
        .isThrownBy(() -> Settings.from(Map.of(name, value)))
        .withMessageStartingWith(name + ": expected ")
        .withMessageNotContaining(value);
  }

  @Test
  void readsFileWithoutWhiteSpaceAtItsEnd() throws IOException {
    var file = Files.writeString(folder.resolve("port"), "9000 \n");

    assertThat(Settings.port(Map.of("PORT_FILE", file.toString()))).isEqualTo(9000);
  }

  @Test
  void refusesValueAndFileTogether() {
    assertThatExceptionOfType(SettingException.class)
        .isThrownBy(() -> Settings.port(Map.of("PORT", "9000", "PORT_FILE", "/port")))
        .withMessage("PORT: expected either PORT or PORT_FILE, not both");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/does/not/exist", "/", "\0"})
  void refusesFileThatCannotBeRead(String path) {
    assertThatExceptionOfType(SettingException.class)
        .isThrownBy(() -> Settings.port(Map.of("PORT_FILE", path)))
        .withMessageStartingWith("PORT_FILE: ");
  }
}
