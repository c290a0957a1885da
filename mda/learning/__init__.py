"""What users teach the filter, composed: messages become views, marks become weights, all marks the global model."""
