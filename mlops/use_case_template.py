"""The text that ``mlops use-case new`` writes: a complete, commented use case to start from."""

from __future__ import annotations

_TEXT = """\
# A use case: one declared purpose for a fine-tuned model. Check it with: mlops use-case lint NAME
name: NAME
owner: your-team                      # the team that answers for it; its members cannot approve their own release
description: What the model does, in one or two sentences.

# What the data is used for. Every contract below must permit this purpose, in this region, for this role.
purpose: {name: fine-tuning, legal_basis: gdpr-6-1-f, region: EU, role: ml-engineer}

# 1 low … 5 high, with the reason.
impact: {score: 3, reason: Say how much it matters and to whom.}
feasibility: {score: 3, reason: Say why it can work with this data and this model.}

# When it is a success: a metric that the gate below judges, and the business figure that should move.
success_metric:
  metric: ticket_exact_match
  target: 0.6
  business_figure: Say which figure should move, from what to what.

ethics:
  intended_use: Who uses it for what.
  out_of_scope: Uses that are refused.
  risk_class: limited                 # minimal, limited or high

contracts:
  source: data_contracts/support_conversations.odcs.yaml          # what comes in
  training_set: data_contracts/support_training_set.odcs.yaml     # what trains

# Where the data comes from. kind: jsonl, csv, parquet or sample. See docs/examples/ for other layouts.
sources:
- name: conversations
  kind: jsonl
  path: data/NAME/*.jsonl             # relative to the checkout; every line {"id", "messages": [{"role", "content"}]}
  id_field: id

privacy: {profile: gdpr}              # gdpr: everything; mlops privacy profiles shows the others

curation:
  duplicates: exact
  conflicts: drop                     # one prompt, different tickets: none of them can be trusted; or keep
  languages: [en]                     # others are removed, with a log; [] keeps all
  split: {train: 0.8, validation: 0.05, test: 0.15}

training:
  base_model: base_models/support-base-5m
  method: qlora                       # 4-bit NF4 base, low-rank adapter
  epochs: 2
  batch_size: 16
  learning_rate: 0.002
  warmup: 10
  max_length: 320
  adapter: {rank: 16, alpha: 32, dropout: 0.0}
  seed: 7

evaluation:
  task: ticket_json                   # or reply_nll: likelihood of the last assistant message
  max_new_tokens: 96
  batch_size: 64
  max_examples: 240
  compare_with: [base, random, champion]

# PASS only if every critical rule passes by its interval; what cannot be judged is INCONCLUSIVE, never a pass.
gates:
  name: NAME
  metrics:
  - id: ticket_exact_match
    floor: 0.5
    versus:
    - {against: base, margin: 0.05}
    - {against: champion, margin: -0.05}
  on_inconclusive: block              # or approval

approval: {required: on_inconclusive, roles: [], quorum: 1}
promotion: {automatic: false}         # promote by: mlops registry promote RELEASE
monitoring:                           # an alarm is significant and large; drift is declared when it persists
  alarm_after: 2                      # monitored runs in alarm, one after the other
  retrain: {automatic: true, cooldown_hours: 24, max_runs_per_30_days: 8}
serving: {max_new_tokens: 96, output: ticket_json}
schedule: {cron: null}                # by hand only; five fields, UTC
budget: {max_minutes: 60}             # a run is stopped after that; it goes on from its checkpoint
"""


def template(name: str) -> str:
    """The file's text for a use case called ``name``."""
    return _TEXT.replace("NAME", name)
