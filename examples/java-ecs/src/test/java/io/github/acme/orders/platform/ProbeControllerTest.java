package io.github.acme.orders.platform;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@ExtendWith(OutputCaptureExtension.class)
class ProbeControllerTest {
  private static final HealthIndicator GOOD = () -> Health.up().build();

  @Test
  void tellsTheReasonOfAFailureToTheLogOnly(CapturedOutput output) throws Exception {
    HealthIndicator bad = () -> Health.down(new IllegalStateException("no luck")).build();

    var report = ready(Map.of("goodHealthIndicator", GOOD, "bad", bad));

    assertThat(report)
        .isEqualTo(
            new ProbeController.Readiness("unavailable", Map.of("good", "ok", "bad", "failed")));
    assertThat(output.getOut()).contains("check failed", "no luck");
  }

  @Test
  void givesUpOnACheckThatHangs(CapturedOutput output) throws Exception {
    HealthIndicator hanging =
        () -> {
          try {
            Thread.sleep(Duration.ofMinutes(1));
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return Health.up().build();
        };
    long start = System.nanoTime();

    var report = ready(Map.of("hanging", hanging, "good", GOOD));

    assertThat(report.checks()).isEqualTo(Map.of("hanging", "failed", "good", "ok"));
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(10));
    assertThat(output.getOut()).contains("no answer within 2 s");
  }

  @Test
  void isStoppingAfterSigterm() throws Exception {
    var probes = new ProbeController(Map.of("good", GOOD));
    probes.stop();

    assertThat(probes.ready().getBody())
        .isEqualTo(new ProbeController.Readiness("stopping", Map.of()));
  }

  private ProbeController.Readiness ready(Map<String, HealthIndicator> checks) throws Exception {
    return new ProbeController(checks).ready().getBody();
  }
}
