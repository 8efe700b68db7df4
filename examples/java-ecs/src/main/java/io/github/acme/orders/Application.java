package io.github.acme.orders;

import io.github.acme.orders.platform.Platform;
import org.springframework.boot.autoconfigure.SpringBootApplication;

/** The way in. Spring finds what stands in this package and below it. */
@SpringBootApplication
public class Application {
  public static void main(String[] args) {
    Platform.run(Application.class, args);
  }
}
