"""What every training needs: targets, splits and scores."""
