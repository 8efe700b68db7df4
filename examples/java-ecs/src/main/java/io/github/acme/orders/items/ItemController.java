package io.github.acme.orders.items;

import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.Positive;
import java.net.URI;
import java.util.List;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

@RestController
@RequestMapping("/items")
class ItemController {
  /** `next` is the cursor of the next page, null after the last. */
  record Page(List<Item> items, String next) {}

  private final ItemRepository items;

  ItemController(ItemRepository items) {
    this.items = items;
  }

  @PostMapping
  ResponseEntity<Item> create(@RequestBody @Valid NewItem newItem) {
    try {
      var item = items.insert(newItem);
      return ResponseEntity.created(URI.create("/items/" + item.id())).body(item);
    } catch (DuplicateKeyException e) {
      throw new ResponseStatusException(HttpStatus.CONFLICT, "There is an item of this name.", e);
    }
  }

  @GetMapping("/{id}")
  Item get(@PathVariable long id) {
    return items.find(id).orElseThrow(() -> new ResponseStatusException(HttpStatus.NOT_FOUND));
  }

  @GetMapping
  Page list(
      @RequestParam(defaultValue = "20") @Min(1) @Max(100) int limit,
      @RequestParam(defaultValue = "" + Long.MAX_VALUE) @Positive long cursor) {
    var found = items.list(cursor, limit + 1);
    if (found.size() <= limit) {
      return new Page(found, null);
    }
    var page = found.subList(0, limit);
    return new Page(page, Long.toString(page.getLast().id()));
  }
}
