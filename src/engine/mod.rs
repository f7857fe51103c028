//! PURE: joins planner, freshness and alerting: one event in, facts and actions out.
