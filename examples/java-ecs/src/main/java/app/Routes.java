package app;

import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.Map;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestMethod;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

/** The routes that every service has. The service's own go into controllers of their own. */
@RestController
class Routes {
  static final String UNMATCHED = "/**";

  private final Settings settings;
  private final Readiness readiness;
  private final PrometheusMeterRegistry metrics;

  Routes(Settings settings, Readiness readiness, PrometheusMeterRegistry metrics) {
    this.settings = settings;
    this.readiness = readiness;
    this.metrics = metrics;
  }

  record Identity(String service, String version) {}

  @GetMapping("/")
  Identity identity() {
    return new Identity(About.NAME, settings.version());
  }

  record Health(String status) {}

  @GetMapping("/healthz")
  Health health() {
    return new Health("ok");
  }

  @GetMapping("/readyz")
  ResponseEntity<Readiness.Report> ready() {
    var report = readiness.report();
    return ResponseEntity.status(report.isReady() ? 200 : 503).body(report);
  }

  @GetMapping(path = "/metrics", produces = "text/plain; version=0.0.4; charset=utf-8")
  String metrics() {
    return metrics.scrape();
  }

  @RequestMapping(UNMATCHED)
  @ResponseStatus(HttpStatus.NOT_FOUND)
  Map<String, String> notFound() {
    return Map.of("error", "not found");
  }

  /** Spring answers OPTIONS by itself where no route names it. */
  @RequestMapping(path = UNMATCHED, method = RequestMethod.OPTIONS)
  @ResponseStatus(HttpStatus.NOT_FOUND)
  Map<String, String> notFoundOptions() {
    return notFound();
  }
}
