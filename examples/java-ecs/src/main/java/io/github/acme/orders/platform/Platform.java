package io.github.acme.orders.platform;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.LoggerFactory;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.json.JsonWriter;

/** Starts the service, or another command of the image; and ends it. */
public final class Platform {
  private Platform() {}

  public static void run(Class<?> application, String[] args) {
    StopSignal.heed();
    try {
      Settings.from(System.getenv());
      if (args.length == 0) {
        serve(application);
      } else if (args.length == 1 && args[0].equals("migrate")) {
        exit(Migration.run() ? 0 : 1);
      } else {
        fail(2, "bad arguments", "expected none, or: migrate");
      }
    } catch (SettingException e) {
      fail(1, "bad settings", e.getMessage());
    }
  }

  private static void serve(Class<?> application) {
    // The JVM answers SIGTERM with 143; a stop that was asked for ends with 0.
    SpringApplication.getShutdownHandlers().add(() -> exit(0));
    try {
      SpringApplication.run(application);
    } catch (RuntimeException e) {
      exit(1); // Spring Boot has logged the reason.
    }
    var log = LoggerFactory.getLogger(Platform.class);
    Thread.setDefaultUncaughtExceptionHandler((_, e) -> log.error("thread failed", e));
    log.info("started");
    StopSignal.started();
  }

  /** Before Spring Boot has set up the log. */
  private static void fail(int status, String message, String error) {
    var line = new LinkedHashMap<String, Object>();
    line.put("time", LogFormat.TIME.format(Instant.now()));
    line.put("level", "error");
    line.put("message", message);
    line.put("error", error);
    System.out.println(JsonWriter.<Map<String, Object>>standard().writeToString(line));
    exit(status);
  }

  private static void exit(int status) {
    Runtime.getRuntime().halt(status);
  }
}
