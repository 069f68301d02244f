"""What templates of pages say in two languages: texts, money, moments."""
