package app;

import com.fasterxml.jackson.annotation.JsonIgnore;
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
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.stereotype.Component;

/** Tells whether the service can take requests: all checks pass, and no stop is under way. */
@Component
class Readiness {
  private static final Logger log = LoggerFactory.getLogger(Readiness.class);
  private static final int LIMIT_SECONDS = 2;
  private static final String READY = "ready";

  record Report(String status, Map<String, String> checks) {
    @JsonIgnore
    boolean isReady() {
      return status.equals(READY);
    }
  }

  private final List<Check> checks;
  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
  private volatile boolean stopping;

  Readiness(List<Check> checks) {
    this.checks = checks;
  }

  /** Comes on SIGTERM, before the server closes its port. */
  @EventListener(ContextClosedEvent.class)
  void stop() {
    stopping = true;
    log.info("stopping");
  }

  Report report() {
    if (stopping) {
      return new Report("stopping", Map.of());
    }
    var results = new LinkedHashMap<String, String>();
    var outcomes = runAll();
    for (int i = 0; i < checks.size(); i++) {
      results.put(checks.get(i).name(), result(checks.get(i), outcomes.get(i)));
    }
    return new Report(results.containsValue("failed") ? "unavailable" : READY, results);
  }

  /** All at once, and those that take too long are cancelled. */
  private List<Future<Void>> runAll() {
    List<Callable<Void>> tasks =
        checks.stream()
            .<Callable<Void>>map(check ->
                () -> {
                  check.run();
                  return null;
                })
            .toList();
    try {
      return executor.invokeAll(tasks, LIMIT_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private static String result(Check check, Future<Void> outcome) {
    if (outcome.state() == Future.State.SUCCESS) {
      return "ok";
    }
    var error =
        outcome.state() == Future.State.FAILED
            ? NestedExceptionUtils.getMostSpecificCause(outcome.exceptionNow()).toString()
            : "no answer within " + LIMIT_SECONDS + " s";
    log.atWarn().addKeyValue("check", check.name()).addKeyValue("error", error).log("check failed");
    return "failed";
  }
}
