package io.github.acme.orders.platform;

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
    assertThat(Settings.from(Map.of("PORT", "", "LOG_LEVEL", "")))
        .containsEntry("server.port", Settings.PORT)
        .containsEntry("logging.level.root", "warn")
        .containsEntry("service.version", "dev");
  }

  @ParameterizedTest
  @CsvSource({"PORT, 1024", "PORT, 65536", "PORT, +8080", "PORT, http", "LOG_LEVEL, verbose"})
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
