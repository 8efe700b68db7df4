# shellcheck shell=bash disable=SC2154 # image, before and what is named after the environment are lib.sh's
# What takes messages has no version that waits: it changes when a version has got the traffic, and goes back to the stack as it was.

events_before() { echo "$here/../../.cache/events-$environment.before.yml"; }

# switch_events: from now on $image takes the messages.
switch_events() {
  settle events || return 1
  if [[ -n $(ask events StackStatus) ]]; then
    aws cloudformation get-template --stack-name "$service-$environment-events" --query TemplateBody --output text >"$(events_before)" || return 1
  fi
  update events "Image=$image"
}

# events_back: to the image that took them before, with the settings that it had.
events_back() {
  settle events || return 1
  [[ -s $(events_before) ]] || return 0
  bring "$service-$environment-events" "$(events_before)" "Image=$before" && rm -f "$(events_before)"
}
