package app;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@ExtendWith(OutputCaptureExtension.class)
class ReadinessTest {
  private interface Body {
    void run() throws Exception;
  }

  private record FakeCheck(String name, Body body) implements Check {
    @Override
    public void run() throws Exception {
      body.run();
    }
  }

  private static final Check GOOD = new FakeCheck("good", () -> {});

  @Test
  void isReadyWithoutChecks() {
    var report = new Readiness(List.of()).report();

    assertThat(report).isEqualTo(new Readiness.Report("ready", Map.of()));
  }

  @Test
  void tellsTheReasonOfAFailureToTheLogOnly(CapturedOutput output) {
    var bad =
        new FakeCheck(
            "bad",
            () -> {
              throw new IllegalStateException("no luck");
            });

    var report = new Readiness(List.of(GOOD, bad)).report();

    assertThat(report)
        .isEqualTo(new Readiness.Report("unavailable", Map.of("good", "ok", "bad", "failed")));
    assertThat(output.getOut())
        .contains("\"level\":\"warn\",\"message\":\"check failed\",\"check\":\"bad\"", "no luck");
  }

  @Test
  void givesUpOnACheckThatHangs(CapturedOutput output) {
    var hanging = new FakeCheck("hanging", () -> Thread.sleep(Duration.ofMinutes(1)));
    long start = System.nanoTime();

    var report = new Readiness(List.of(hanging, GOOD)).report();

    assertThat(report.checks()).isEqualTo(Map.of("hanging", "failed", "good", "ok"));
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(3));
    assertThat(output.getOut()).contains("no answer within 2 s");
  }

  @Test
  void isStoppingAfterSigterm() {
    var readiness = new Readiness(List.of(GOOD));
    readiness.stop();

    assertThat(readiness.report()).isEqualTo(new Readiness.Report("stopping", Map.of()));
  }
}
