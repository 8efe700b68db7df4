package io.github.acme.orders.items;

import jakarta.validation.Valid;
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
      @RequestParam(required = false) String limit, @RequestParam(required = false) String cursor) {
    int size = (int) number("limit", limit, 20, 100);
    var found = items.list(number("cursor", cursor, Long.MAX_VALUE, Long.MAX_VALUE), size + 1);
    if (found.size() <= size) {
      return new Page(found, null);
    }
    var page = found.subList(0, size);
    return new Page(page, Long.toString(page.getLast().id()));
  }

  /** Not by Spring, for which an empty parameter is a missing one. */
  private static long number(String name, String text, long usual, long max) {
    try {
      long number = text == null ? usual : Long.parseLong(text);
      if (number >= 1 && number <= max) {
        return number;
      }
    } catch (NumberFormatException e) {
      // Refused below, like one that is too large.
    }
    throw new ResponseStatusException(
        HttpStatus.BAD_REQUEST, name + ": expected a whole number from 1 to " + max);
  }
}
