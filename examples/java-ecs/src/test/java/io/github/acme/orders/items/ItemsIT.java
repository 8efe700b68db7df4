package io.github.acme.orders.items;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.acme.orders.platform.DatabaseTest;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.http.MediaType;
import org.springframework.test.web.servlet.client.RestTestClient;

class ItemsIT extends DatabaseTest {
  private RestTestClient client;

  @BeforeEach
  void connect(@LocalServerPort int port) {
    client = RestTestClient.bindToServer().baseUrl("http://127.0.0.1:" + port).build();
  }

  @Test
  void makesAnItemAndFindsIt() {
    var location = create("hammer").expectStatus().isCreated().returnResult().getResponseHeaders();

    client
        .get()
        .uri(location.getLocation().toString())
        .exchange()
        .expectStatus()
        .isOk()
        .expectBody()
        .jsonPath("$.name")
        .isEqualTo("hammer")
        .jsonPath("$.created_at")
        .value(String.class, time -> assertThat(time).endsWith("Z"));
  }

  @Test
  void refusesANameThatIsTaken() {
    create("saw").expectStatus().isCreated();

    create("saw").expectStatus().isEqualTo(409);
  }

  @Test
  void doesNotFindWhatIsNotThere() {
    for (var id : List.of("9223372036854775807", "9223372036854775808", "0", "-1", "x")) {
      client.get().uri("/items/" + id).exchange().expectStatus().isNotFound();
    }
  }

  @Test
  void listsPageByPage() {
    for (var name : List.of("a", "b", "c")) {
      create(name).expectStatus().isCreated();
    }

    var first = list("limit=2");
    var second = list("limit=2&cursor=" + first.next());

    assertThat(first.items()).extracting(Item::name).containsExactly("c", "b");
    assertThat(second.items()).extracting(Item::name).startsWith("a");
  }

  private RestTestClient.ResponseSpec create(String name) {
    return client
        .post()
        .uri("/items")
        .contentType(MediaType.APPLICATION_JSON)
        .body("{\"name\": \"%s\", \"quantity\": 3}".formatted(name))
        .exchange();
  }

  private ItemController.Page list(String query) {
    return client
        .get()
        .uri("/items?" + query)
        .exchange()
        .expectStatus()
        .isOk()
        .expectBody(ItemController.Page.class)
        .returnResult()
        .getResponseBody();
  }
}
