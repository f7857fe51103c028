//! PURE: should someone be told? Incidents, one cause one alert, reminders, and the words.

pub mod retry;
