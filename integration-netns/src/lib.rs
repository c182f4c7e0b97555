//! integration-netns
