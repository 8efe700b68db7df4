package io.github.acme.orders.items;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.http.MediaType;
import org.springframework.test.web.servlet.client.RestTestClient;

/** What needs no database: that is refused before one is asked. */
@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT)
class ItemControllerTest {
  private RestTestClient client;

  @BeforeEach
  void connect(@LocalServerPort int port) {
    client = RestTestClient.bindToServer().baseUrl("http://127.0.0.1:" + port).build();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"quantity\": 3}                        | #/name",
        "{\"name\": 5, \"quantity\": 3}           | #/name",
        "{\"name\": \"\", \"quantity\": 3}        | #/name",
        "{\"name\": \"a\\u0000\", \"quantity\": 3} | #/name",
        "{\"name\": \"\\ud800\", \"quantity\": 3} | #/name",
        "{\"name\": \"a\"}                        | #/quantity",
        "{\"name\": \"a\", \"quantity\": \"3\"}   | #/quantity",
        "{\"name\": \"a\", \"quantity\": 3.5}     | #/quantity",
        "{\"name\": \"a\", \"quantity\": true}    | #/quantity",
        "{\"name\": \"a\", \"quantity\": -1}      | #/quantity",
        "{\"name\": \"a\", \"quantity\": 1000001} | #/quantity",
        "[]                                       | #",
        "null                                     | #",
      })
  void refusesWhatBreaksARule(String body, String pointer) {
    post(body)
        .expectStatus()
        .isEqualTo(422)
        .expectBody()
        .jsonPath("$.errors[0].pointer")
        .isEqualTo(pointer);
  }

  @Test
  void countsCharactersAndNotTheirHalves() {
    post("{\"name\": \"%s\", \"quantity\": 3}".formatted("😀".repeat(100)))
        .expectStatus()
        .isEqualTo(503);
    post("{\"name\": \"%s\", \"quantity\": 3}".formatted("😀".repeat(101)))
        .expectStatus()
        .isEqualTo(422);
  }

  @ParameterizedTest
  @CsvSource({
    "/items/x, 404",
    "/items?limit=0, 400",
    "/items?limit=101, 400",
    "/items?cursor=x, 400",
    "/items?cursor=0, 400",
    "/items?limit=, 400",
    "/items?cursor=, 400",
    "/items?cursor=9223372036854775808, 400",
    "/items, 503",
  })
  void answers(String path, int status) {
    client.get().uri(path).exchange().expectStatus().isEqualTo(status);
  }

  private RestTestClient.ResponseSpec post(String body) {
    return client
        .post()
        .uri("/items")
        .contentType(MediaType.APPLICATION_JSON)
        .body(body)
        .exchange();
  }
}
