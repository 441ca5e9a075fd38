"""Edits of label maps: the left ventricle larger or smaller, its wall thicker or thinner, a segment akinetic."""
