//! Stages, schedule, frame accounting and health of a running stream.
