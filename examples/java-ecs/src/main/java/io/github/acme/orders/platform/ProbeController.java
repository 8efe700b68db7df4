package io.github.acme.orders.platform;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.contributor.Status;
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/**
 * Liveness and readiness. Each bean that is a HealthIndicator is a check, by the bean's name:
 * `search` or `searchHealthIndicator`.
 */
@RestController
class ProbeController {
  record Liveness(String status) {}

  record Readiness(String status, Map<String, String> checks) {}

  private static final Logger log = LoggerFactory.getLogger(ProbeController.class);
  private static final int LIMIT_SECONDS = 2;

  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
  private final Map<String, HealthIndicator> checks;

  private volatile boolean stopping;

  ProbeController(Map<String, HealthIndicator> checks) {
    this.checks = checks;
  }

  /** Comes on SIGTERM, before the server closes its port. */
  @EventListener(ContextClosedEvent.class)
  void stop() {
    stopping = true;
    log.info("stopping");
  }

  @GetMapping("/healthz")
  Liveness live() {
    return new Liveness("ok");
  }

  @GetMapping("/readyz")
  ResponseEntity<Readiness> ready() throws InterruptedException {
    if (stopping) {
      return ResponseEntity.status(503).body(new Readiness("stopping", Map.of()));
    }
    // All at once; those that take too long are cancelled.
    List<Callable<Health>> tasks =
        checks.values().stream().<Callable<Health>>map(check -> check::health).toList();
    var outcomes = executor.invokeAll(tasks, LIMIT_SECONDS, TimeUnit.SECONDS).iterator();
    var results = new LinkedHashMap<String, String>();
    checks
        .keySet()
        .forEach(bean -> {
          var name = bean.replaceFirst("HealthIndicator$", "");
          results.put(name, result(name, outcomes.next()));
        });
    return results.containsValue("failed")
        ? ResponseEntity.status(503).body(new Readiness("unavailable", results))
        : ResponseEntity.ok(new Readiness("ready", results));
  }

  private static String result(String name, Future<Health> outcome) {
    var error =
        switch (outcome.state()) {
          case SUCCESS ->
              outcome.resultNow().getStatus().equals(Status.UP)
                  ? null
                  : outcome.resultNow().getDetails();
          case FAILED -> outcome.exceptionNow();
          default -> "no answer within " + LIMIT_SECONDS + " s";
        };
    if (error == null) {
      return "ok";
    }
    log.atWarn().addKeyValue("check", name).addKeyValue("error", error).log("check failed");
    return "failed";
  }
}
